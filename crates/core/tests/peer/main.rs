//! The contract of a straight-line peer, on a wire that is a script: what it reads, when it sends,
//! how it ends. Each test says which mutant it kills.

mod endings;
mod offload;
mod reading;
mod waiting;
mod wire;
mod writing;
