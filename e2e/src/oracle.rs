//! What the database should answer, by a model that shares no code with it.
//!
//! Tables and items lie in `BTreeMap`s, numbers are decimal text. Slow and simple on purpose: where
//! the model and the server differ, the model should be the one that is easy to read.

mod condition;
mod draw;
mod invent;
mod legacy;
mod number;
mod path;
mod range;
mod spoil;
mod table;
mod update;
mod value;
mod wording;

pub use condition::{Operand, Test};
pub use draw::Draw;
pub use invent::Invent;
pub use legacy::{Comparison, Legacy};
pub use number::{canonical, number_size};
pub use path::{Path, Step, clash, project};
pub use range::Range;
pub use spoil::{Flaw, Text, spoil};
pub use table::{LocalIndex, Model, Projection, Schema, Table, View};
pub use update::{Action, Source, update};
pub use value::{Item, Value, item_size, to_sdk, value_to_sdk};
pub use wording::Wording;
