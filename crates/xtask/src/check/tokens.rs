//! Rust source as identifiers and punctuation: comments, strings, characters and lifetimes are left out.

pub struct Token<'a> {
    pub line: usize,
    /// An identifier, a number, or one character of punctuation.
    pub text: &'a str,
}

pub fn of(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(first) = rest.chars().next() {
        let (length, is_token) = next(rest, first);
        let length = length.max(first.len_utf8());
        let (text, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        if is_token {
            tokens.push(Token { line, text });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    tokens
}

/// The length of what begins here, and whether it is a token.
fn next(rest: &str, first: char) -> (usize, bool) {
    if first.is_whitespace() {
        return (first.len_utf8(), false);
    }
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), false);
    }
    if rest.starts_with("/*") {
        return (rest.find("*/").map_or(rest.len(), |at| at + 2), false);
    }
    if let Some(length) = string(rest) {
        return (length, false);
    }
    if first == '\'' {
        return (character(rest), false);
    }
    if first == '_' || first.is_alphanumeric() {
        return (rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(rest.len()), true);
    }
    (first.len_utf8(), true)
}

/// The length of a string of any kind.
fn string(rest: &str) -> Option<usize> {
    let prefix = rest.find(|c: char| !matches!(c, 'b' | 'c' | 'r'))?;
    if prefix > 2 {
        return None;
    }
    let (start, body) = rest.split_at(prefix);
    let hashes = body.len() - body.trim_start_matches('#').len();
    let quoted = body.get(hashes..)?.strip_prefix('"')?;
    let begun = prefix + hashes + 1;
    if start.contains('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(quoted.find(&end).map_or(rest.len(), |at| begun + at + end.len()));
    }
    if hashes > 0 {
        return None;
    }
    let mut escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(begun + at + 1),
            _ => {}
        }
    }
    Some(rest.len())
}

/// The length of a character, or of a lifetime.
fn character(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    let Some((_, first)) = chars.next() else { return 1 };
    if first == '\\' {
        // What is escaped may be a quote.
        chars.next();
        return chars.find(|(_, c)| *c == '\'').map_or(rest.len(), |(at, _)| at + 1);
    }
    match chars.next() {
        Some((at, '\'')) => at + 1,
        _ => rest.get(1..).and_then(|name| name.find(|c: char| c != '_' && !c.is_alphanumeric())).map_or(rest.len(), |at| at + 1),
    }
}

#[cfg(test)]
mod tests {
    fn texts(source: &str) -> String {
        let texts: Vec<String> = super::of(source).into_iter().map(|token| format!("{}@{}", token.text, token.line)).collect();
        texts.join(" ")
    }

    #[test]
    fn only_code_is_left() {
        assert_eq!(texts("use a::b; // c\nfn d<'e>() {}"), "use@1 a@1 :@1 :@1 b@1 ;@1 fn@2 d@2 <@2 >@2 (@2 )@2 {@2 }@2");
        assert_eq!(texts("x(\"a \\\" b\", r#\"c \" d\"#, b'e', '\\'', '\\u{1}') /* y */ z"), "x@1 (@1 ,@1 ,@1 b@1 ,@1 ,@1 )@1 z@1");
        assert_eq!(texts("br\"a\" radio"), "radio@1");
    }
}
