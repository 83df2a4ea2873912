//! Content lines and components: `BEGIN:VEVENT`, `NAME;PARAMETER=value:value`, `END:VEVENT`.

use crate::{Invalid, invalid};

const MOST_LINES: usize = 20_000;
const DEEPEST: usize = 4;

/// One line after it was unfolded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// In capital letters.
    pub name: String,
    /// Their names in capital letters.
    pub parameters: Vec<(String, String)>,
    pub value: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Component {
    pub name: String,
    pub lines: Vec<Line>,
    pub components: Vec<Component>,
}

impl Line {
    fn parse(text: &str) -> Result<Line, Invalid> {
        let Some(colon) = outside_quotes(text, ':') else { return invalid(format!("the line {:?} has no colon", start(text))) };
        let (head, value) = (text.get(..colon).unwrap_or_default(), text.get(colon + 1..).unwrap_or_default());
        let mut parts = vec![];
        let mut rest = head;
        while let Some(at) = outside_quotes(rest, ';') {
            parts.push(rest.get(..at).unwrap_or_default());
            rest = rest.get(at + 1..).unwrap_or_default();
        }
        parts.push(rest);
        let mut parts = parts.into_iter();
        let name = parts.next().unwrap_or_default().trim().to_ascii_uppercase();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return invalid(format!("the line {:?} has no name", start(text)));
        }
        let parameters = parts
            .filter(|part| !part.is_empty())
            .map(|part| match part.split_once('=') {
                Some((name, value)) => Ok((name.trim().to_ascii_uppercase(), value.trim_matches('"').to_owned())),
                None => invalid(format!("the parameter {:?} has no value", start(part))),
            })
            .collect::<Result<_, _>>()?;
        Ok(Line { name, parameters, value: value.trim().to_owned() })
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The first part of a text, for messages.
fn start(text: &str) -> String {
    text.chars().take(60).collect()
}

fn outside_quotes(text: &str, wanted: char) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(at, letter)| {
        if letter == '"' {
            quoted = !quoted;
        }
        (letter == wanted && !quoted).then_some(at)
    })
}

/// Lines that begin with a space or a tab go on the one before.
fn unfold(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = vec![];
    for line in text.trim_start_matches('\u{feff}').split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(more), Some(last)) => last.push_str(more),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

impl Component {
    /// The one component of a text, which holds the others.
    pub fn parse(text: &str) -> Result<Component, Invalid> {
        if text.split('\n').nth(MOST_LINES).is_some() {
            return invalid("the calendar has too many lines");
        }
        let mut open: Vec<Component> = vec![];
        let mut whole = None;
        for text in unfold(text) {
            if text.trim().is_empty() {
                continue;
            }
            let line = Line::parse(&text)?;
            match line.name.as_str() {
                "BEGIN" if whole.is_some() => return invalid("there is more than one calendar"),
                "BEGIN" if open.len() == DEEPEST => return invalid("components are nested too deeply"),
                "BEGIN" => open.push(Component { name: line.value.to_ascii_uppercase(), ..Component::default() }),
                "END" => {
                    let ended = open.pop().filter(|component| component.name.eq_ignore_ascii_case(&line.value));
                    let Some(ended) = ended else { return invalid(format!("END:{} ends nothing", start(&line.value))) };
                    match open.last_mut() {
                        Some(outer) => outer.components.push(ended),
                        None => whole = Some(ended),
                    }
                }
                _ => match open.last_mut() {
                    Some(component) => component.lines.push(line),
                    None => return invalid(format!("{} is outside of the calendar", line.name)),
                },
            }
        }
        match (whole, open.last()) {
            (Some(whole), None) => Ok(whole),
            (_, Some(open)) => invalid(format!("{} has no end", open.name)),
            (None, None) => invalid("there is no calendar"),
        }
    }

    pub fn line(&self, name: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.name == name)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.line(name).map(|line| line.value.as_str())
    }

    pub fn all<'c>(&'c self, name: &'c str) -> impl Iterator<Item = &'c Line> {
        self.lines.iter().filter(move |line| line.name == name)
    }
}
