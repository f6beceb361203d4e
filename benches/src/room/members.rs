//! The members of a room: a process below its own limit on descriptors.
//!
//! Comes in two halves, so that memory can be read in between, and says `here` after each; then, for
//! each line `TIMES LINES` on its standard input, the first member says so many lines at once, so many
//! times, and `heard` is said when all others have got them.

use std::io::{self, BufRead, Read, Write};
use std::net::{SocketAddr, TcpStream};

use clap::Args;

use crate::Result;
use crate::crowd::{allow_descriptors, connect};

/// A line as members get it.
pub(crate) const LINE: &[u8] = b"<m0> a line of some forty characters, said to all who are here\n";
/// What comes before it that the speaker does not say.
const NAME: usize = b"<m0> ".len();

/// Who they are.
#[derive(Args, Debug)]
pub(crate) struct Members {
    #[arg(long)]
    address: SocketAddr,
    #[arg(long)]
    members: usize,
    /// How many of them come before the rest.
    #[arg(long)]
    first: usize,
    /// The server is a chat, which asks for names.
    #[arg(long)]
    named: bool,
}

impl Members {
    /// So many, who come to a room of their own process.
    pub(crate) fn of(address: SocketAddr, members: usize, named: bool) -> Members {
        Members { address, members, first: members, named }
    }

    /// All of them come, the first says `times` that many `lines` at once, and all go.
    pub(crate) fn talk(&self, times: usize, lines: usize) -> Result<()> {
        allow_descriptors(self.members)?;
        let come = |number| {
            self.come(number).map_err(|error| format!("member {number} cannot come: {error}"))
        };
        let mut members: Vec<TcpStream> = (0..self.members).map(come).collect::<Result<_>>()?;
        (0..times).try_for_each(|_| {
            self.say(&mut members, lines).map_err(|error| format!("a member fails: {error}"))
        })
    }

    pub(crate) fn run(&self) -> Result<()> {
        allow_descriptors(self.members)?;
        let mut members = Vec::with_capacity(self.members);
        let mut lines = io::stdin().lock().lines();
        for count in [self.first, self.members] {
            while members.len() < count {
                let number = members.len();
                let sentence = |error| format!("member {number} cannot come: {error}");
                members.push(self.come(number).map_err(sentence)?);
            }
            println!("here");
            if count < self.members && lines.next().is_none() {
                return Ok(());
            }
        }
        for line in lines {
            let line = line.map_err(|error| format!("cannot read standard input: {error}"))?;
            let numbers: Vec<usize> =
                line.split(' ').filter_map(|word| word.parse().ok()).collect();
            let [times, lines] = numbers[..] else { return Err(format!("`{line}` is no order")) };
            for _ in 0..times {
                self.say(&mut members, lines)
                    .map_err(|error| format!("a member fails: {error}"))?;
            }
            println!("heard");
        }
        Ok(())
    }

    fn come(&self, number: usize) -> io::Result<TcpStream> {
        let mut member = connect(self.address)?;
        if self.named {
            writeln!(member, "m{number}")?;
            let (mut came, mut piece) = (Vec::new(), [0; 4096]);
            while !came.ends_with(b"else you can do.\n") {
                let count = member.read(&mut piece)?;
                came.extend_from_slice(&piece[..count]);
                if count == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
        Ok(member)
    }

    /// The first says something, which the others get. Nobody waits for it but the last of them, so
    /// that no delivery has somebody to wake.
    fn say(&self, members: &mut [TcpStream], lines: usize) -> io::Result<()> {
        let Some((speaker, others)) = members.split_first_mut() else { return Ok(()) };
        let said = if self.named { &LINE[NAME..] } else { LINE };
        speaker.write_all(&said.repeat(lines))?;
        let (expected, mut came) = (LINE.repeat(lines), vec![0; LINE.len() * lines]);
        for member in others.iter_mut().rev() {
            member.read_exact(&mut came)?;
            if came != expected {
                return Err(io::Error::other("it got something else"));
            }
        }
        Ok(())
    }
}
