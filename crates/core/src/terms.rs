//! What a server grants each of its peers.

use std::ops::Deref;

use crate::Limits;

/// What a server grants each of its peers: one value for all of them.
pub struct Terms {
    /// The bounds of one peer; the terms can be read as if they were these.
    pub limits: Limits,
}

impl From<Limits> for Terms {
    fn from(limits: Limits) -> Terms {
        Terms { limits }
    }
}

impl Deref for Terms {
    type Target = Limits;

    fn deref(&self) -> &Limits {
        &self.limits
    }
}
