//! Client tokens: a call that is made again with its token answers what the first one made, and makes nothing.
//! <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html>

use crate::{
    faults::{invalid_value, refuse},
    rows::Made,
    state::{Key, Resource, State, key},
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Operation, fingerprint::Fingerprint};

/// How long a token is remembered.
const DAY: i64 = 24 * 3_600_000;
const LONGEST: usize = 64;
/// How many tokens that are over go with each that comes.
const PURGED: usize = 64;

/// The token of a request, if it has one.
pub struct ClientToken(Option<(Key, Fingerprint)>);

impl ClientToken {
    /// A token is of one operation, and of the request as it was.
    pub fn of<O: Operation>(cx: &Cx, request: &O::Input, token: Option<&str>) -> Result<ClientToken, Fault> {
        let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(ClientToken(None)) };
        if token.len() > LONGEST || !token.is_ascii() {
            // AWS: unverified wording.
            return Err(invalid_value(format!("Value ({token}) for parameter clientToken is invalid. It has at most {LONGEST} ASCII characters.")));
        }
        let name = O::SCHEMA.name;
        Ok(ClientToken(Some((key(&cx.scope, &format!("{name} {token}")), Fingerprint::of(&[name], request, |_| true)))))
    }

    /// What was made with the token.
    pub fn known(&self, state: &State, cx: &Cx) -> Result<Option<String>, Fault> {
        let Some((key, request)) = &self.0 else { return Ok(None) };
        match state.tokens.get_live(key, cx.now.0) {
            Some(made) if made.request != *request => Err(refuse(
                "IdempotentParameterMismatch",
                "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
            )),
            made => Ok(made.map(|made| made.id.clone())),
        }
    }

    pub fn remember(&self, state: &mut State, cx: &Cx, id: &str) {
        state.tokens.purge(cx.now.0, PURGED);
        if let Some((key, request)) = &self.0 {
            state.tokens.insert(key.clone(), Made { request: *request, id: id.to_owned(), until: cx.now.0 + DAY });
        }
    }

    /// The id of the resource that the token made, or of the one that is made now. What is gone was not made.
    pub fn once<R: Resource>(&self, state: &mut State, cx: &Cx, make: impl FnOnce(&mut State) -> Result<String, Fault>) -> Result<String, Fault> {
        if let Some(id) = self.known(state, cx)?
            && state.get::<R>(&cx.scope, &id).is_some_and(|row| row.is_visible(cx.now))
        {
            return Ok(id);
        }
        let id = make(state)?;
        self.remember(state, cx, &id);
        Ok(id)
    }
}
