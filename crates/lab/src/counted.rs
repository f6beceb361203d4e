//! What a server of ours says that it counted: its stop line, or its answer to `stats`.

/// Counts by their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    pairs: Vec<(String, String)>,
}

/// The keys of system calls.
const CALLS: [&str; 5] = ["accepts", "waits", "receives", "sends", "arms"];

impl Counted {
    /// The pairs of a line.
    ///
    /// # Errors
    /// A sentence, if there are none.
    pub fn of(line: &str) -> Result<Counted, String> {
        let pairs: Vec<(String, String)> = line
            .split(' ')
            .filter_map(|word| word.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        match pairs.is_empty() {
            true => Err(format!("it says `{line}`, which has no counts")),
            false => Ok(Counted { pairs }),
        }
    }

    /// The number of that key.
    pub fn number(&self, key: &str) -> Option<u64> {
        self.word(key)?.parse().ok()
    }

    /// Peers of each loop, or of each process; one number for all if there is one only.
    pub fn spread(&self) -> Option<Vec<u64>> {
        self.word("spread")?.split('/').map(|peers| peers.parse().ok()).collect()
    }

    /// All system calls that are counted.
    pub fn calls(&self) -> Option<u64> {
        CALLS.iter().map(|key| self.number(key)).sum()
    }

    fn word(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_counts_is_read_by_key() {
        let line = "stopped accepted=2 accepts=3 waits=4 receives=5 sends=6 arms=7 spread=1/0/1";
        let counted = Counted::of(line).unwrap();
        assert_eq!((counted.number("accepted"), counted.number("refused")), (Some(2), None));
        assert_eq!(counted.calls(), Some(25));
        assert_eq!(counted.spread(), Some(vec![1, 0, 1]));
        assert_eq!(Counted::of("stopped accepts=3").unwrap().calls(), None);
        assert!(Counted::of("bye").is_err_and(|error| error.contains("bye")));
    }
}
