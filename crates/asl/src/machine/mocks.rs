//! `MockConfigFile.json` of Step Functions Local: answers of Tasks that stand in for calls.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local-test-sm-exec.html>
//!
//! Whoever runs a machine shows every call to the mocks of its test case, and makes those that have no mock.

use super::{
    events::{Call, Event},
    state::Failure,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The whole file.
#[derive(Clone, Debug, PartialEq)]
pub struct MockConfig {
    /// The test cases of each machine: which response each state has.
    machines: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>,
    responses: BTreeMap<String, Vec<Response>>,
}

/// The mocks of one execution, and how often each state was answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mocks {
    states: BTreeMap<String, Vec<Response>>,
    answered: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Response {
    first: u64,
    last: u64,
    answer: Answer,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Answer {
    Return(Value),
    Throw { error: String, cause: String },
}

impl MockConfig {
    pub fn read(text: &str) -> Result<MockConfig, String> {
        let whole: Value = serde_json::from_str(text).map_err(|error| format!("not valid JSON: {error}"))?;
        let mut responses = BTreeMap::new();
        for (name, answers) in object(&whole, "MockedResponses", "the file")? {
            responses.insert(name.clone(), read_responses(name, answers)?);
        }
        let mut machines = BTreeMap::new();
        for (machine, content) in object(&whole, "StateMachines", "the file")? {
            let mut cases = BTreeMap::new();
            for (case, states) in object(content, "TestCases", machine)? {
                let states = states.as_object().ok_or_else(|| format!("{machine}#{case}: not an object"))?;
                let mut named = BTreeMap::new();
                for (state, response) in states {
                    let response = response.as_str().ok_or_else(|| format!("{machine}#{case}: {state}: not the name of a response"))?;
                    if !responses.contains_key(response) {
                        return Err(format!("{machine}#{case}: {state}: there is no mocked response {response}"));
                    }
                    named.insert(state.clone(), response.to_owned());
                }
                cases.insert(case.clone(), named);
            }
            machines.insert(machine.clone(), cases);
        }
        Ok(MockConfig { machines, responses })
    }

    /// All test cases, as machine and case.
    pub fn cases(&self) -> impl Iterator<Item = (&str, &str)> {
        self.machines.iter().flat_map(|(machine, cases)| cases.keys().map(move |case| (machine.as_str(), case.as_str())))
    }

    /// The mocks of a test case; `None` if there is no such case.
    pub fn case(&self, machine: &str, case: &str) -> Option<Mocks> {
        let states = self.machines.get(machine)?.get(case)?;
        let of = |(state, response): (&String, &String)| Some((state.clone(), self.responses.get(response)?.clone()));
        Some(Mocks { states: states.iter().filter_map(of).collect(), answered: BTreeMap::new() })
    }
}

impl Mocks {
    /// What a call is answered with; `None` if it is to be made.
    pub fn answer(&mut self, call: &Call) -> Option<Event> {
        let responses = self.states.get(&call.state)?;
        let count = self.answered.entry(call.state.clone()).or_default();
        let number = *count;
        *count += 1;
        let task = call.task;
        let found = responses.iter().find(|response| (response.first..=response.last).contains(&number));
        Some(match found.map(|response| &response.answer) {
            Some(Answer::Return(output)) => Event::Answered { task, output: output.clone() },
            Some(Answer::Throw { error, cause }) => Event::Failed { task, failure: Failure::new(error, cause) },
            // AWS: unverified: an attempt behind the last response.
            None => Event::Failed {
                task,
                failure: Failure::new("States.Runtime", format!("The state '{}' has no mocked response for attempt {number}", call.state)),
            },
        })
    }
}

fn object<'v>(value: &'v Value, name: &str, place: &str) -> Result<&'v Map<String, Value>, String> {
    value.get(name).and_then(Value::as_object).ok_or_else(|| format!("{place}: there is no object {name}"))
}

fn read_responses(name: &str, answers: &Value) -> Result<Vec<Response>, String> {
    let answers = answers.as_object().ok_or_else(|| format!("{name}: not an object"))?;
    let mut out = Vec::new();
    for (range, answer) in answers {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let number = |text: &str| text.parse::<u64>().map_err(|_| format!("{name}: {range} is not an attempt or a range of attempts"));
        let (first, last) = (number(first)?, number(last)?);
        let answer = match (answer.get("Return"), answer.get("Throw")) {
            (Some(output), None) => Answer::Return(output.clone()),
            (None, Some(thrown)) => {
                let text = |field: &str| thrown.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
                Answer::Throw { error: text("Error"), cause: text("Cause") }
            }
            _ => return Err(format!("{name}: {range}: exactly one of Return and Throw is required")),
        };
        out.push(Response { first, last, answer });
    }
    out.sort_by_key(|response| response.first);
    let mut next = 0;
    for response in &out {
        if response.first != next || response.last < response.first {
            return Err(format!("{name}: the attempts must be numbered from 0, without gaps"));
        }
        next = response.last.saturating_add(1);
    }
    if out.is_empty() { Err(format!("{name}: there is no response")) } else { Ok(out) }
}
