//! What the database should answer, by a model that shares no code with it.
//!
//! Tables and items lie in `BTreeMap`s, numbers are decimal text. Slow and simple on purpose: where
//! the model and the server differ, the model should be the one that is easy to read.

mod draw;
mod number;
mod table;
mod value;

pub use draw::Draw;
pub use number::{canonical, number_size};
pub use table::{Model, Table};
pub use value::{Item, Value, item_size, to_sdk};
