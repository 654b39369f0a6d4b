//! The bytes of a stored value.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use fjall::Slice;

/// The bytes of a stored value: owned, immutable, cheap to clone. What a read returns shares the
/// engine's memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(Slice);

impl Value {
    /// What the engine handed out.
    pub(crate) fn from_slice(slice: Slice) -> Self {
        Self(slice)
    }

    /// What the engine takes.
    pub(crate) fn into_slice(self) -> Slice {
        self.0
    }
}

impl Deref for Value {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self(Slice::from(bytes))
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Slice::from(bytes))
    }
}

impl From<Bytes> for Value {
    fn from(bytes: Bytes) -> Self {
        Self(Slice::from(bytes.as_ref()))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values are user data and stay out of logs.
        write!(f, "Value({} bytes)", self.0.len())
    }
}
