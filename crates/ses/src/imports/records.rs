//! The lines of a file of addresses: CSV, or JSON documents one a line.

use serde::Deserialize;
use std::collections::BTreeMap;

/// What a line says of an address.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    pub address: String,
    pub reason: Option<String>,
    pub unsubscribed: bool,
    pub attributes: Option<String>,
    pub topics: BTreeMap<String, String>,
}

/// A line as a JSON document.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    email_address: String,
    reason: Option<String>,
    #[serde(default)]
    unsubscribe_all: bool,
    attributes_data: Option<String>,
    #[serde(default)]
    topic_preferences: Vec<Preference>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Preference {
    topic_name: String,
    subscription_status: String,
}

#[derive(Clone)]
pub struct Lines<'t> {
    lines: std::str::Lines<'t>,
    is_json: bool,
    /// The columns of contacts, which the first line names.
    columns: Option<Vec<String>>,
}

impl<'t> Lines<'t> {
    pub fn new(text: &'t str, is_json: bool, are_contacts: bool) -> Lines<'t> {
        let mut lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines();
        let columns = (are_contacts && !is_json).then(|| lines.next().map(fields).unwrap_or_default());
        Lines { lines, is_json, columns }
    }

    fn read(&self, line: &str) -> Result<Line, String> {
        if self.is_json {
            let document: Document = serde_json::from_str(line).map_err(|error| format!("The line is no such JSON: {error}."))?;
            let topics = document.topic_preferences.into_iter().map(|one| (one.topic_name, one.subscription_status)).collect();
            return checked(Line {
                address: document.email_address,
                reason: document.reason,
                unsubscribed: document.unsubscribe_all,
                attributes: document.attributes_data,
                topics,
            });
        }
        let mut fields = fields(line).into_iter();
        let Some(columns) = &self.columns else {
            return Ok(Line { address: fields.next().unwrap_or_default(), reason: fields.next(), ..Line::default() });
        };
        let mut read = Line::default();
        for (column, field) in columns.iter().zip(fields) {
            match column.as_str() {
                "emailAddress" => read.address = field,
                "unsubscribeAll" => read.unsubscribed = field.eq_ignore_ascii_case("true"),
                "attributesData" => read.attributes = Some(field).filter(|field| !field.is_empty()),
                other => {
                    let topic = other.strip_prefix("topicPreferences.").ok_or_else(|| format!("There is no column {other}."))?;
                    if !field.is_empty() {
                        read.topics.insert(topic.to_owned(), field);
                    }
                }
            }
        }
        checked(read)
    }
}

impl<'t> Iterator for Lines<'t> {
    type Item = (&'t str, Result<Line, String>);

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.lines.by_ref().find(|line| !line.trim().is_empty())?;
        Some((line, self.read(line)))
    }
}

fn checked(line: Line) -> Result<Line, String> {
    match line.topics.iter().find(|(_, status)| *status != "OPT_IN" && *status != "OPT_OUT") {
        Some((topic, status)) => Err(format!("{status} is no subscription status of topic {topic}.")),
        None => Ok(line),
    }
}

/// The fields of a line of CSV. Within quotes, two quotes are one.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![];
    let mut rest = line.chars().peekable();
    loop {
        let (mut field, mut is_quoted) = (String::new(), false);
        let ended = loop {
            match rest.next() {
                None => break true,
                Some(',') if !is_quoted => break false,
                Some('"') if is_quoted && rest.peek() == Some(&'"') => {
                    rest.next();
                    field.push('"');
                }
                Some('"') => is_quoted = !is_quoted,
                Some(other) => field.push(other),
            }
        };
        fields.push(field.trim().to_owned());
        if ended {
            return fields;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, is_json: bool, are_contacts: bool) -> Vec<Result<Line, String>> {
        Lines::new(text, is_json, are_contacts).map(|(_, line)| line).collect()
    }

    #[test]
    fn a_csv_of_a_suppression_list_has_no_head() {
        let lines = read("a@example.com,BOUNCE\r\n\r\n\"b@example.com\", COMPLAINT\nc@example.com", false, false);
        let shown: Vec<_> = lines.into_iter().map(|line| line.map(|line| (line.address, line.reason)).unwrap()).collect();
        let line = |address: &str, reason: Option<&str>| (address.to_owned(), reason.map(str::to_owned));
        assert_eq!(shown, [line("a@example.com", Some("BOUNCE")), line("b@example.com", Some("COMPLAINT")), line("c@example.com", None)]);
    }

    #[test]
    fn a_csv_of_contacts_names_its_columns() {
        let text = "emailAddress,unsubscribeAll,attributesData,topicPreferences.Sports\na@example.com,false,\"{\"\"Name\"\": \"\"Ann\"\"}\",OPT_IN\nb@example.com,TRUE,,SOMETIMES\n";
        let lines = read(text, false, true);
        let first = lines[0].as_ref().unwrap();
        assert_eq!((first.attributes.as_deref(), first.unsubscribed), (Some("{\"Name\": \"Ann\"}"), false));
        assert_eq!(first.topics["Sports"], "OPT_IN");
        assert_eq!(lines[1], Err("SOMETIMES is no subscription status of topic Sports.".to_owned()));
    }

    #[test]
    fn json_is_one_document_a_line() {
        let text = "{\"emailAddress\":\"a@example.com\",\"reason\":\"BOUNCE\"}\n{\"emailAddress\":\"b@example.com\",\"unsubscribeAll\":true,\"topicPreferences\":[{\"topicName\":\"Sports\",\"subscriptionStatus\":\"OPT_OUT\"}]}\nnothing";
        let lines = read(text, true, true);
        assert_eq!(lines[0].as_ref().unwrap().reason.as_deref(), Some("BOUNCE"));
        assert!(lines[1].as_ref().unwrap().unsubscribed);
        assert!(lines[2].is_err());
    }
}
