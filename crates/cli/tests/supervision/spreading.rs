//! Which loop a newcomer goes to.

use switchboard::testing::{Client, program};

use crate::{SWITCHBOARD, expect_counts};

/// Kills: newcomers for the loop with the fewest peers, although it computes; one that was given to
/// it before it began, and stays there.
#[test]
fn newcomers_do_not_wait_for_a_loop_that_computes() {
    for model in ["epoll:threads=2", "poll:threads=3", "epoll:processes=1,threads=2"] {
        let server = program(SWITCHBOARD).args(["serve", "work"]).model(model).start();
        let mut burning = server.connect();
        burning.send("echo begun\n").expect("begun\n");
        burning.send("burn 2s\n");
        let mut newcomers: Vec<Client> = Vec::new();
        for number in 0..20 {
            let mut one = server.connect();
            one.send(format!("echo {number}\n")).expect(format!("{number}\n"));
            newcomers.push(one);
        }
        // And in a burst.
        let mut burst: Vec<Client> = (0..20).map(|_| server.connect()).collect();
        burst.iter_mut().for_each(|peer| {
            peer.send("echo here\n");
        });
        burst.iter_mut().for_each(|peer| {
            peer.expect("here\n");
        });
        assert_eq!(burning.unexpected(), b"", "they waited for its end under {model}");
        burning.expect("burnt 2s\n");
        drop((burning, newcomers, burst));
        expect_counts(&server.stop(), 41, 0);
    }
}
