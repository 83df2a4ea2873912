//! Space-delimited events: `[ip, user, ..., status=4* || status=5*, bytes > 1000]`. Words in quotes or brackets are one field.

use super::{
    InvalidPattern,
    lexer::Lexer,
    values::{Comparison, Operand},
};
use memchr::memmem::Finder;
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// How deep parentheses may be, and how many fields there may be.
const DEEPEST: usize = 32;

#[derive(Debug)]
struct Column {
    name: String,
    condition: Option<Condition>,
}

#[derive(Debug)]
enum Condition {
    Is(Comparison, Operand),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

impl Column {
    fn holds(&self, field: &str) -> bool {
        self.condition.as_ref().is_none_or(|condition| condition.holds(field))
    }
}

impl Condition {
    fn holds(&self, field: &str) -> bool {
        match self {
            Condition::Is(comparison, operand) => operand.holds(*comparison, field, operand.number_of(field)),
            Condition::All(all) => all.iter().all(|one| one.holds(field)),
            Condition::Any(any) => any.iter().any(|one| one.holds(field)),
        }
    }

    /// The longest text that every field that it holds for has in it.
    fn needle(&self) -> Option<&str> {
        match self {
            Condition::Is(Comparison::Equal, operand) => operand.needle(),
            Condition::Is(..) | Condition::Any(_) => None,
            Condition::All(all) => all.iter().filter_map(Condition::needle).max_by_key(|needle| needle.len()),
        }
    }

    fn regexes(&self) -> usize {
        match self {
            Condition::Is(_, operand) => usize::from(operand.is_regex()),
            Condition::All(of) | Condition::Any(of) => of.iter().map(Condition::regexes).sum(),
        }
    }
}

#[derive(Debug)]
pub(super) struct Columns {
    columns: Vec<Column>,
    /// Before this column there may be any number of fields.
    ellipsis: Option<usize>,
    /// What no message that matches lacks: most do not match, and this says so first.
    needle: Option<Box<Finder<'static>>>,
}

/// Shorter texts are found nearly everywhere.
const SHORTEST_NEEDLE: usize = 3;
/// Fields of usual messages.
type Fields<'m> = SmallVec<[&'m str; 24]>;

impl Columns {
    pub(super) fn parse(text: &str) -> Result<Columns, InvalidPattern> {
        let mut lexer = Lexer::new(text);
        lexer.take("[");
        let mut parsed = Columns { columns: Vec::new(), ellipsis: None, needle: None };
        lexer.skip_spaces();
        if lexer.take("]") {
            return ended(&lexer, parsed);
        }
        loop {
            lexer.skip_spaces();
            if lexer.take("...") {
                if parsed.ellipsis.replace(parsed.columns.len()).is_some() {
                    return Err(InvalidPattern::new("Invalid filter pattern: there is more than one ellipsis"));
                }
            } else {
                parsed.columns.push(column(&mut lexer, parsed.columns.len() + 1)?);
            }
            lexer.skip_spaces();
            if lexer.take("]") {
                return ended(&lexer, parsed);
            }
            if !lexer.take(",") {
                return Err(InvalidPattern::new("Invalid filter pattern: a bracket is not closed"));
            }
        }
    }

    /// The fields of a message, each with its column. `None`: their numbers differ.
    fn pairs<'c, 'm>(&'c self, fields: &'c [&'m str]) -> Option<impl Iterator<Item = (&'c Column, &'m str)> + use<'c, 'm>> {
        let skipped = match self.ellipsis {
            Some(_) => fields.len().checked_sub(self.columns.len())?,
            None if fields.len() == self.columns.len() || self.columns.is_empty() => 0,
            None => return None,
        };
        let at = self.ellipsis.unwrap_or(0);
        let index = move |column: usize| if column < at { column } else { column + skipped };
        Some(self.columns.iter().enumerate().filter_map(move |(column, of)| Some((of, *fields.get(index(column))?))))
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        if self.needle.as_ref().is_some_and(|needle| needle.find(message.as_bytes()).is_none()) {
            return false;
        }
        if self.columns.is_empty() {
            return true;
        }
        match self.ellipsis {
            None => self.match_each(message),
            Some(_) => {
                let fields: Fields<'_> = fields(message).collect();
                let Some(mut pairs) = self.pairs(&fields) else { return false };
                pairs.all(|(column, field)| column.holds(field))
            }
        }
    }

    /// A field for each column: the first that does not fit ends it.
    fn match_each(&self, message: &str) -> bool {
        let mut columns = self.columns.iter();
        fields(message).all(|field| columns.next().is_some_and(|column| column.holds(field))) && columns.next().is_none()
    }

    pub(super) fn extract(&self, message: &str) -> Option<BTreeMap<String, String>> {
        if !self.matches(message) {
            return None;
        }
        let fields: Fields<'_> = fields(message).collect();
        Some(self.pairs(&fields)?.map(|(column, field)| (format!("${}", column.name), field.to_owned())).collect())
    }

    pub(super) fn regexes(&self) -> usize {
        self.columns.iter().filter_map(|column| column.condition.as_ref()).map(Condition::regexes).sum()
    }
}

fn ended(lexer: &Lexer<'_>, parsed: Columns) -> Result<Columns, InvalidPattern> {
    if !lexer.is_at_end() {
        return Err(InvalidPattern::new("Invalid filter pattern: there is text after the bracket"));
    }
    let needles = parsed.columns.iter().filter_map(|column| column.condition.as_ref()?.needle());
    let longest = needles.max_by_key(|needle| needle.len()).filter(|needle| needle.len() >= SHORTEST_NEEDLE);
    let needle = longest.map(|needle| Box::new(Finder::new(needle).into_owned()));
    Ok(Columns { needle, ..parsed })
}

fn column(lexer: &mut Lexer<'_>, number: usize) -> Result<Column, InvalidPattern> {
    let name = name(lexer);
    lexer.skip_spaces();
    if !name.is_empty() && matches!(lexer.peek(), Some(',' | ']')) {
        return Ok(Column { name: name.to_owned(), condition: None });
    }
    match lexer.peek() {
        Some(',' | ']') => Ok(Column { name: number.to_string(), condition: None }),
        _ => {
            let mut of = name.to_owned();
            let condition = any(lexer, &mut of, 0)?;
            let name = if of.is_empty() { number.to_string() } else { of };
            Ok(Column { name, condition: Some(condition) })
        }
    }
}

fn name<'t>(lexer: &mut Lexer<'t>) -> &'t str {
    lexer.take_while(|c| c.is_alphanumeric() || "_-.@$#/:".contains(c))
}

/// `name` is that of the column, once it was read.
fn any(lexer: &mut Lexer<'_>, name: &mut String, depth: usize) -> Result<Condition, InvalidPattern> {
    let mut list = vec![all(lexer, name, depth)?];
    loop {
        lexer.skip_spaces();
        if !lexer.take("||") {
            break;
        }
        list.push(all(lexer, name, depth)?);
    }
    Ok(one_or(list, Condition::Any))
}

fn all(lexer: &mut Lexer<'_>, name: &mut String, depth: usize) -> Result<Condition, InvalidPattern> {
    let mut list = vec![one(lexer, name, depth)?];
    loop {
        lexer.skip_spaces();
        if !lexer.take("&&") {
            break;
        }
        list.push(one(lexer, name, depth)?);
    }
    Ok(one_or(list, Condition::All))
}

fn one_or(mut list: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    match (list.len(), list.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            list.extend(last);
            many(list)
        }
    }
}

fn one(lexer: &mut Lexer<'_>, name: &mut String, depth: usize) -> Result<Condition, InvalidPattern> {
    lexer.skip_spaces();
    if lexer.take("(") {
        if depth == DEEPEST {
            return Err(InvalidPattern::new("Invalid filter pattern: it is too deep"));
        }
        let inner = any(lexer, name, depth + 1)?;
        lexer.skip_spaces();
        return if lexer.take(")") { Ok(inner) } else { Err(InvalidPattern::new("Invalid filter pattern: a parenthesis is not closed")) };
    }
    let read = self::name(lexer);
    if !read.is_empty() {
        if !name.is_empty() && name != read {
            return Err(InvalidPattern::new("Invalid filter pattern: a field has one name"));
        }
        read.clone_into(name);
    }
    lexer.skip_spaces();
    let comparison = Comparison::read(lexer).ok_or_else(|| InvalidPattern::new("Invalid filter pattern: a comparison is missing"))?;
    Ok(Condition::Is(comparison, Operand::read(lexer, ",])&|")?))
}

/// The fields of an event.
fn fields(message: &str) -> impl Iterator<Item = &str> {
    let mut rest = message.trim();
    std::iter::from_fn(move || {
        let close = match rest.as_bytes().first()? {
            b'"' => Some('"'),
            b'[' => Some(']'),
            _ => None,
        };
        let group = close.and_then(|close| {
            let inner = rest.get(1..)?;
            let end = inner.find(close)?;
            Some((inner.get(..end)?, inner.get(end + 1..)?))
        });
        let (field, after) = group.unwrap_or_else(|| rest.split_at_checked(end_of_word(rest)).unwrap_or((rest, "")));
        rest = match after.as_bytes() {
            // One blank, as nearly always.
            [b' ', next, ..] if next.is_ascii_graphic() => after.get(1..).unwrap_or_default(),
            _ => after.trim_start(),
        };
        Some(field)
    })
}

/// Where a word ends. Whether other than ASCII letters are white is looked up only where there are any.
fn end_of_word(text: &str) -> usize {
    match text.bytes().position(|byte| !byte.is_ascii_graphic()) {
        Some(at) if text.as_bytes().get(at).is_some_and(|byte| *byte == b' ') => at,
        Some(_) => text.find(char::is_whitespace).unwrap_or(text.len()),
        None => text.len(),
    }
}
