//! What people and rooms may be called, and which names are taken for the same.
//!
//! Somebody will call himself `аnn`, with a Cyrillic letter. What such names are is in tables of
//! Unicode Technical Standard 39, which the crate `unicode-security` has.

use unicode_normalization::is_nfkc;
use unicode_security::{RestrictionLevel, RestrictionLevelDetection, skeleton};

/// The longest name of a person or a room, in characters.
pub(super) const NAME_MAX: usize = 20;

/// Whether somebody, or a room, may be called that: letters and digits that can be seen, `-`, `_`; of
/// one script, or of those that Chinese, Japanese and Korean write together with Latin letters
/// ("Highly Restrictive"); and no letter that is another form of one (NFKC, Unicode Standard Annex 15).
pub(super) fn is_name(name: &str) -> bool {
    // Vowel signs are letters, too, and accents that stand alone are not.
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let length = name.chars().count();
    (1..=NAME_MAX).contains(&length)
        && name.chars().all(plain)
        && is_nfkc(name)
        && name.check_restriction_level(RestrictionLevel::HighlyRestrictive)
        // Who is called so could speak for others: `[you to ann]`.
        && look(name) != look("you")
}

/// The same for names that are told apart by capitals only.
pub(super) fn folded(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).collect()
}

/// The same for names that look alike, whatever their capitals and scripts (`coco`, and `сосо` in
/// Cyrillic letters; `ann1` and `annl`): their "skeleton". Not for people to read.
pub(super) fn look(name: &str) -> String {
    folded(&skeleton(&folded(name)).collect::<String>())
}

#[cfg(test)]
mod tests {
    use unicode_normalization::UnicodeNormalization;

    use super::*;

    /// Kills: `ann` beside another `ann`, with something between that nobody sees.
    #[test]
    fn nothing_unseen_is_in_a_name() {
        // Default_Ignorable_Code_Point of Unicode 16.
        let ignorable = [
            0xad..=0xad,
            0x34f..=0x34f,
            0x61c..=0x61c,
            0x115f..=0x1160,
            0x17b4..=0x17b5,
            0x180b..=0x180f,
            0x200b..=0x200f,
            0x202a..=0x202e,
            0x2060..=0x206f,
            0x3164..=0x3164,
            0xfe00..=0xfe0f,
            0xfeff..=0xfeff,
            0xffa0..=0xffa0,
            0xfff0..=0xfff8,
            0x1bca0..=0x1bca3,
            0x1d173..=0x1d17a,
            0xe0000..=0xe0fff,
        ];
        for c in ignorable.into_iter().flatten().filter_map(char::from_u32) {
            assert!(!is_name(&format!("an{c}n")), "{:x}", u32::from(c));
        }
    }

    /// Kills: `ann` beside another `ann`, one letter of whom is from elsewhere.
    #[test]
    fn a_name_has_no_letters_that_look_like_others() {
        let lookalikes = [
            "\u{430}nn",
            "ann\u{3bf}",
            "\u{3b1}\u{430}",
            "\u{561}nn",
            "an\u{13cf}",
            "\u{1f130}nn",
            "\u{2c9f}nn",
            "\u{15e9}nn",
            "b\u{101d}b",
            "b\u{b20}b",
            "b\u{1040}b",
            "a\u{627}",
        ];
        for name in lookalikes {
            assert!(!is_name(name), "{name}");
        }
        let names = [
            "анна",
            "άννα",
            "Անի",
            "Ænne-2",
            "ნინო",
            "李x",
            "アン",
            "אן",
            "آن",
            "आन",
            "안나1",
            "ß",
            "đ",
        ];
        for name in names {
            assert!(is_name(name), "{name}");
        }
    }

    /// Kills: two names that are the same to Unicode, and to the eye.
    #[test]
    fn no_name_has_another_form() {
        for c in '\u{80}'..=char::MAX {
            let another = c.nfkc().ne([c]);
            assert!(!(another && is_name(&c.to_string())), "{c} {:x}", u32::from(c));
        }
        for name in ["a\u{301}", "\u{1112}\u{1161}\u{11ab}", "\u{1f71}", "e\u{327}\u{301}"] {
            assert!(!is_name(name), "{name}");
        }
    }

    /// Kills: `сосо` beside `coco`.
    #[test]
    fn names_that_look_alike_are_the_same() {
        let pairs = [("ÄNN", "änn"), ("coco", "сосо"), ("ann1", "annl"), ("b0b", "BOB")];
        for (one, other) in pairs {
            assert_eq!(look(one), look(other), "{one} {other}");
        }
        for (one, other) in [("ann", "anna"), ("ann-1", "ann_1"), ("小明", "小朋"), ("bob", "rob")]
        {
            assert_ne!(look(one), look(other), "{one} {other}");
        }
    }

    #[test]
    fn names_are_words() {
        for name in ["ann", "Ann-2", "小明", "x_y", "ÄÖÜ", "abcdefghijabcdefghij"] {
            assert!(is_name(name), "{name}");
        }
        let wrong = [
            "",
            "two words",
            "a\u{1b}",
            "<b>",
            "a/b",
            "You",
            "abcdefghijabcdefghijk",
            "a:",
            "a'b",
            "a.b",
        ];
        for name in wrong {
            assert!(!is_name(name), "{name}");
        }
        assert_eq!(folded("ÄNN"), folded("änn"));
    }
}
