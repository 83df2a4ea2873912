//! Zone files: the master files of DNS, as far as mail and hosts need them.
//! <https://www.rfc-editor.org/rfc/rfc1035#section-5>

use crate::normalized;
use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Mx {
        preference: u16,
        host: String,
    },
    /// The strings of the record joined.
    Txt(String),
    Cname(String),
    Ns(String),
}

impl Data {
    /// `MX`
    pub fn kind(&self) -> &'static str {
        match self {
            Data::A(_) => "A",
            Data::Aaaa(_) => "AAAA",
            Data::Mx { .. } => "MX",
            Data::Txt(_) => "TXT",
            Data::Cname(_) => "CNAME",
            Data::Ns(_) => "NS",
        }
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Data::A(address) => address.fmt(f),
            Data::Aaaa(address) => address.fmt(f),
            Data::Mx { preference, host } => write!(f, "{preference} {host}."),
            // A string of the record has at most 255 bytes.
            Data::Txt(text) => {
                let mut rest = text.as_str();
                loop {
                    let (piece, more) = rest.split_at(rest.floor_char_boundary(255));
                    f.write_str("\"")?;
                    for letter in piece.chars() {
                        match letter {
                            '"' | '\\' => write!(f, "\\{letter}")?,
                            letter if letter.is_control() => write!(f, "\\{:03}", u32::from(letter))?,
                            letter => write!(f, "{letter}")?,
                        }
                    }
                    f.write_str("\"")?;
                    rest = more;
                    if rest.is_empty() {
                        return Ok(());
                    }
                    f.write_str(" ")?;
                }
            }
            Data::Cname(name) | Data::Ns(name) => write!(f, "{name}."),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// In small letters, without a dot at the end.
    pub name: String,
    pub data: Data,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. IN {} {}", self.name, self.data.kind(), self.data)
    }
}

/// Why a file is refused, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    pub line: usize,
    pub why: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

/// More records are refused.
pub const RECORDS: usize = 100_000;
/// Longer names are none.
const NAME: usize = 255;

#[derive(Debug, PartialEq, Eq)]
struct Token {
    text: String,
    is_quoted: bool,
}

/// An entry: what stands on a line, or on several in parentheses.
struct Entry {
    line: usize,
    /// It begins with a blank: its name is that of the entry before.
    is_indented: bool,
    tokens: Vec<Token>,
}

fn entries(text: &str) -> Result<Vec<Entry>, Malformed> {
    let mut entries = vec![];
    let mut entry: Option<Entry> = None;
    let mut depth = 0usize;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let fail = |why: &str| Malformed { line: number, why: why.to_owned() };
        let open = entry.get_or_insert_with(|| Entry { line: number, is_indented: line.starts_with([' ', '\t']), tokens: vec![] });
        let mut chars = line.chars().peekable();
        while let Some(letter) = chars.next() {
            match letter {
                ';' => break,
                '(' => depth += 1,
                ')' => depth = depth.checked_sub(1).ok_or_else(|| fail("a parenthesis is closed that was not opened"))?,
                '"' => {
                    let mut text = String::new();
                    loop {
                        match chars.next() {
                            Some('"') => break,
                            Some('\\') => text.push(escaped(&mut chars).ok_or_else(|| fail("a text ends within an escape"))?),
                            Some(letter) => text.push(letter),
                            None => return Err(fail("a text in quotes is not closed")),
                        }
                    }
                    open.tokens.push(Token { text, is_quoted: true });
                }
                letter if letter.is_whitespace() => {}
                letter => {
                    let mut text = String::new();
                    let mut next = Some(letter);
                    while let Some(letter) = next {
                        match letter {
                            '\\' => text.push(escaped(&mut chars).ok_or_else(|| fail("a word ends within an escape"))?),
                            letter => text.push(letter),
                        }
                        next = chars.next_if(|letter| !letter.is_whitespace() && !matches!(letter, ';' | '(' | ')' | '"'));
                    }
                    open.tokens.push(Token { text, is_quoted: false });
                }
            }
        }
        if depth == 0 {
            entries.extend(entry.take().filter(|entry| !entry.tokens.is_empty()));
        }
    }
    match entry {
        Some(entry) if depth > 0 => Err(Malformed { line: entry.line, why: "a parenthesis is not closed".to_owned() }),
        _ => Ok(entries),
    }
}

/// `\X`, or `\DDD` of a byte.
fn escaped(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    let first = chars.next()?;
    let Some(mut number) = first.to_digit(10) else { return Some(first) };
    for _ in 0..2 {
        number = number * 10 + chars.next_if(char::is_ascii_digit)?.to_digit(10)?;
    }
    u8::try_from(number).ok().map(char::from)
}

/// The records of a zone file. Types that nothing here reads are passed over.
pub fn parse(text: &str) -> Result<Vec<Record>, Malformed> {
    let mut records: Vec<Record> = vec![];
    let mut origin = String::new();
    let mut last: Option<String> = None;
    for Entry { line, is_indented, tokens } in entries(text)? {
        let fail = |why: String| Malformed { line, why };
        let words: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
        match words.as_slice() {
            ["$ORIGIN", name] => {
                origin = absolute(name, &origin).ok_or_else(|| fail(format!("'{name}' is no name")))?;
                continue;
            }
            ["$TTL", _] => continue,
            [directive, ..] if directive.starts_with('$') => return Err(fail(format!("{directive} is not understood"))),
            _ => {}
        }
        let mut rest = tokens.as_slice();
        let name = if is_indented {
            last.clone().ok_or_else(|| fail("the first entry has no name".to_owned()))?
        } else {
            let (first, others) = rest.split_first().ok_or_else(|| fail("an empty entry".to_owned()))?;
            rest = others;
            absolute(&first.text, &origin).ok_or_else(|| fail(format!("'{}' is no name", first.text)))?
        };
        last = Some(name.clone());
        // The time to live and the class may stand in either order, or not at all.
        while let Some((first, others)) = rest.split_first() {
            let is_class = matches!(first.text.to_ascii_uppercase().as_str(), "IN" | "CH" | "HS");
            if first.is_quoted || !(is_class || is_time(&first.text)) {
                break;
            }
            rest = others;
        }
        let Some((kind, values)) = rest.split_first() else { return Err(fail("the entry has no type".to_owned())) };
        if let Some(data) = data(&kind.text, values, &origin).map_err(fail)? {
            if records.len() >= RECORDS {
                return Err(Malformed { line, why: format!("there are more than {RECORDS} records") });
            }
            records.push(Record { name, data });
        }
    }
    Ok(records)
}

/// `3600`, `1h30m`.
fn is_time(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
        && word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte.to_ascii_lowercase(), b's' | b'm' | b'h' | b'd' | b'w'))
}

fn absolute(name: &str, origin: &str) -> Option<String> {
    let full = match name {
        "@" => origin.to_owned(),
        name if name.ends_with('.') || origin.is_empty() => name.to_owned(),
        name => format!("{name}.{origin}"),
    };
    let full = normalized(&full);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'*' | b'/'))
    };
    let is_name = full.len() <= NAME && full.split('.').all(is_label);
    is_name.then_some(full)
}

fn data(kind: &str, values: &[Token], origin: &str) -> Result<Option<Data>, String> {
    let words: Vec<&str> = values.iter().map(|token| token.text.as_str()).collect();
    let wrong = || format!("the record of type {kind} is not understood");
    let host = |name: &str| absolute(name, origin).ok_or_else(wrong);
    let data = match (kind.to_ascii_uppercase().as_str(), words.as_slice()) {
        ("A", [address]) => Data::A(address.parse().map_err(|_| wrong())?),
        ("AAAA", [address]) => Data::Aaaa(address.parse().map_err(|_| wrong())?),
        // A host of a single dot takes no mail: it is kept as an empty name.
        ("MX", [preference, "."]) => Data::Mx { preference: preference.parse().map_err(|_| wrong())?, host: String::new() },
        ("MX", [preference, name]) => Data::Mx { preference: preference.parse().map_err(|_| wrong())?, host: host(name)? },
        ("TXT" | "SPF", [_, ..]) => Data::Txt(words.concat()),
        ("CNAME", [name]) => Data::Cname(host(name)?),
        ("NS", [name]) => Data::Ns(host(name)?),
        ("A" | "AAAA" | "MX" | "TXT" | "SPF" | "CNAME" | "NS", _) => return Err(wrong()),
        (other, _) if other.bytes().all(|byte| byte.is_ascii_alphanumeric()) && other.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            return Ok(None);
        }
        _ => return Err(wrong()),
    };
    Ok(Some(data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_zone_file_is_read() {
        let text = "$ORIGIN example.com.\n$TTL 1h\n@ IN SOA ns. admin. ( 1 2 3 ; a comment\n 4 5 )\n@ 300 IN MX 10 inbound-smtp.us-east-1.amazonaws.com.\n\
                    \tTXT \"v=spf1 \" \"include:amazonses.com \\\"x\\\" ~all\"\nWWW IN 60 A 192.0.2.1\nx._domainkey CNAME x.dkim.amazonses.com.\n\
                    other.org. AAAA ::1\n";
        let shown: Vec<String> = parse(text).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "example.com. IN MX 10 inbound-smtp.us-east-1.amazonaws.com.",
                "example.com. IN TXT \"v=spf1 include:amazonses.com \\\"x\\\" ~all\"",
                "www.example.com. IN A 192.0.2.1",
                "x._domainkey.example.com. IN CNAME x.dkim.amazonses.com.",
                "other.org. IN AAAA ::1",
            ]
        );
        assert_eq!(parse(&shown.join("\n")).unwrap().len(), 5);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, line, why) in [
            ("a.com A 1.2.3", 1, "the record of type A is not understood"),
            ("\n a A 1.2.3.4", 2, "the first entry has no name"),
            ("a TXT \"x", 1, "a text in quotes is not closed"),
            ("a TXT (\nx", 1, "a parenthesis is not closed"),
            ("a TXT x)", 1, "a parenthesis is closed that was not opened"),
            ("$INCLUDE x", 1, "$INCLUDE is not understood"),
        ] {
            assert_eq!(parse(text), Err(Malformed { line, why: why.into() }), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_stops_the_reader(text in "[ a-c.@;\"()\\\\0-9\n$]{0,120}") {
            if let Ok(records) = parse(&text) {
                let again: String = records.iter().map(|record| format!("{record}\n")).collect();
                prop_assert_eq!(parse(&again).map(|records| records.len()), Ok(records.len()));
            }
        }
    }
}
