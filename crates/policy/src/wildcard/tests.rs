use super::*;
use proptest::prelude::*;

fn wild(pattern: &str) -> Vec<Symbol> {
    pattern.chars().map(Symbol::wild).collect()
}

/// The definition itself, and nothing clever.
fn obvious(pattern: &[Symbol], subject: &[char]) -> bool {
    match (pattern, subject) {
        ([], []) => true,
        ([Symbol::Many, rest @ ..], _) => (0..=subject.len()).any(|n| obvious(rest, &subject[n..])),
        ([Symbol::One, rest @ ..], [_, tail @ ..]) => obvious(rest, tail),
        ([Symbol::Char(c), rest @ ..], [head, tail @ ..]) if c == head => obvious(rest, tail),
        _ => false,
    }
}

#[test]
fn stars_span_anything_and_question_marks_one_character() {
    for (pattern, subject, expected) in [
        ("*", "", true),
        ("*", "a/b:c", true),
        ("a*", "a", true),
        ("a*", "ba", false),
        ("*a", "bca", true),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("a?c", "aéc", true),
        ("??", "日本", true),
        ("a*b*c", "aXbYbZc", true),
        ("a*b*c", "aXbYbZ", false),
        ("", "", true),
        ("", "a", false),
        ("**", "a", true),
        ("*?", "", false),
        ("s3:Get*", "s3:GetObject", true),
    ] {
        assert_eq!(Pattern::parse(pattern).matches(subject), expected, "{pattern} on {subject}");
    }
}

#[test]
fn a_hostile_pattern_is_answered_all_the_same() {
    let subject = "a".repeat(20_000);
    let pattern = format!("*{}b", "a?".repeat(3_000));
    assert!(!Pattern::parse(&pattern).matches(&subject));
    let pattern = format!("{}*", "*a".repeat(3_000));
    assert!(Pattern::parse(&pattern).matches(&subject));
    assert_eq!(greedy(&wild(&format!("*{}b", "a".repeat(3_000))), &subject, 100_000), None, "the greedy pass gives up here");
}

proptest! {
    #[test]
    fn every_way_of_matching_agrees_with_the_definition(pattern in "[ab*?é]{0,10}", subject in "[abé]{0,12}") {
        let expected = obvious(&wild(&pattern), &subject.chars().collect::<Vec<_>>());
        prop_assert_eq!(Pattern::parse(&pattern).matches(&subject), expected);
        prop_assert_eq!(matches(&wild(&pattern), &subject), expected);
        prop_assert_eq!(greedy(&wild(&pattern), &subject, usize::MAX), Some(expected));
        prop_assert_eq!(parallel(&wild(&pattern), &subject), expected);
    }

    #[test]
    fn the_automaton_agrees_on_patterns_longer_than_a_word(pattern in "[ab*?]{60,140}", subject in "[ab]{50,150}") {
        prop_assert_eq!(parallel(&wild(&pattern), &subject), greedy(&wild(&pattern), &subject, usize::MAX).unwrap());
    }

    #[test]
    fn a_text_matches_itself_and_everything_matches_a_star(text in "[^*?]{0,40}") {
        prop_assert!(Pattern::parse(&text).matches(&text));
        prop_assert!(Pattern::parse("*").matches(&text));
        prop_assert!(Pattern::parse(&(text.clone() + "*")).matches(&text));
    }
}
