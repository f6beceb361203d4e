//! What a server grants each of its peers.

use std::ops::Deref;
use std::sync::Arc;

use crate::{Limits, Offload, Post};

/// What a server grants each of its peers: one value for all of them.
pub struct Terms {
    /// The bounds of one peer; the terms can be read as if they were these.
    pub limits: Limits,
    /// Who runs the jobs that its sessions offload; `None`: each is run in place, by its session.
    pub offload: Option<Arc<dyn Offload>>,
    /// Who wakes a peer for which there is mail; `None`: nobody, so mail waits until something else
    /// does.
    pub post: Option<Arc<dyn Post>>,
}

/// These bounds, and nobody to run jobs or to carry mail.
impl From<Limits> for Terms {
    fn from(limits: Limits) -> Terms {
        Terms { limits, offload: None, post: None }
    }
}

impl Deref for Terms {
    type Target = Limits;

    fn deref(&self) -> &Limits {
        &self.limits
    }
}
