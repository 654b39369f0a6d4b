//! Reading records from bytes that nobody vouches for, as `stator_model::binary` does.

pub(crate) use stator_model::binary::Reader;
pub use stator_model::binary::{Malformed, Problem};
