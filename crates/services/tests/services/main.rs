//! The services on peers without sockets: the same bytes wherever the input is cut.

#![allow(clippy::unwrap_used)]

mod chargen;
mod chat;
mod cuts;
mod driver;
mod hotline;
mod hotline_files;
mod hotline_menus;
mod listing;
mod probe;
mod upper;
mod wire;
mod work;

use std::net::SocketAddr;

use switchboard_core::{PeerInfo, Service};
use switchboard_services::{Options, find};

/// A stock service, with the options as in `SERVICE:OPTIONS`.
fn service(name: &str, options: &str) -> Service {
    let entry = find(name).unwrap();
    (entry.build)(&Options::parse(entry, options).unwrap()).unwrap()
}

fn peer() -> PeerInfo {
    let address = |text: &str| text.parse::<SocketAddr>().unwrap().into();
    PeerInfo { id: 7, address: address("192.0.2.1:5000"), local: address("192.0.2.2:7788") }
}

/// `bytes` in pieces of these sizes, the last size repeated.
fn pieces<'a>(bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = bytes;
    let mut sizes = sizes.iter().copied();
    let mut size = bytes.len().max(1);
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        size = sizes.next().unwrap_or(size);
        let (piece, later) = rest.split_at(size.clamp(1, rest.len()));
        pieces.push(piece);
        rest = later;
    }
    pieces
}
