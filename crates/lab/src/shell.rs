//! Words as a line for a shell.

/// The words as a shell takes them.
pub(crate) fn line(words: &[String]) -> String {
    let quoted = |word: &String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
        match !word.is_empty() && word.chars().all(plain) {
            true => word.clone(),
            false => format!("'{}'", word.replace('\'', "'\\''")),
        }
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::line;

    /// Kills: a command that a shell takes apart in another way.
    #[test]
    fn words_are_quoted_where_a_shell_would_split_them() {
        let words =
            ["switchboard", "compare", "--for", "a=1,b=2%", "--command", "./m {model}", "it's"];
        assert_eq!(
            line(&words.map(str::to_owned)),
            r"switchboard compare --for a=1,b=2% --command './m {model}' 'it'\''s'"
        );
    }
}
