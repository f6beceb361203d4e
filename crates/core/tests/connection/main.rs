//! The contract of an event-style peer, without a socket and without waiting: a scripted session
//! on one side, a carrier of simulated time on the other. Each test says which mutant it kills.

mod apart;
mod asking;
mod carrier;
mod closing;
mod endings;
mod flow;
mod mail;
mod offload;
mod properties;
mod time;
mod turns;
