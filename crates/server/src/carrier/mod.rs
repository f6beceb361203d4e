//! Carriers: who moves the bytes of one socket. They know that socket and nobody else's.

pub(crate) mod blocking;
pub(crate) mod ready;
#[cfg(test)]
mod tests;
