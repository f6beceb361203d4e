//! What a server grants each of its peers.

use std::ops::Deref;
use std::sync::Arc;

use crate::{Limits, Offload};

/// What a server grants each of its peers: one value for all of them.
pub struct Terms {
    /// The bounds of one peer; the terms can be read as if they were these.
    pub limits: Limits,
    /// Who runs the jobs that its sessions offload; `None`: each is run in place, by its session.
    pub offload: Option<Arc<dyn Offload>>,
}

/// These bounds, and nobody to run jobs.
impl From<Limits> for Terms {
    fn from(limits: Limits) -> Terms {
        Terms { limits, offload: None }
    }
}

impl Deref for Terms {
    type Target = Limits;

    fn deref(&self) -> &Limits {
        &self.limits
    }
}
