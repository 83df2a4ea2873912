//! Configuration sets and their event destinations.

use crate::{
    Ses, limits,
    refusal::Refusal,
    state::{ConfigurationSet, EventDestination, State},
};
use cloudlet_aws::{Arn, Scope};
use cloudlet_engine::Cx;
use std::sync::Arc;

fn check_name(name: &str) -> Result<(), Refusal> {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !name.is_empty() && name.len() <= limits::CONFIGURATION_SET_NAME && name.bytes().all(usual) {
        return Ok(());
    }
    // AWS: unverified message.
    Err(Refusal::invalid(format!("Invalid configuration set name <{name}>: only alphanumeric ASCII characters, '_', '-' are allowed, at most 64.")))
}

impl Ses {
    pub fn configuration_set(&self, scope: &Scope, name: &str) -> Result<Arc<ConfigurationSet>, Refusal> {
        let found = self.store.read(|state| state.configuration_sets.get(&(scope.clone(), name.to_owned())).cloned());
        found.ok_or_else(|| Refusal::NoConfigurationSet(name.to_owned()))
    }

    pub fn create_configuration_set(&self, cx: &Cx, name: &str, set: ConfigurationSet) -> Result<(), Refusal> {
        check_name(name)?;
        self.store.write(|state| {
            let key = (cx.scope.clone(), name.to_owned());
            if state.configuration_sets.contains(&key) {
                return Err(Refusal::SetExists(name.to_owned()));
            }
            if State::count(&state.configuration_sets, &cx.scope) >= limits::CONFIGURATION_SETS {
                // AWS: unverified message.
                return Err(Refusal::Limit("The number of configuration sets is at its limit.".to_owned()));
            }
            state.configuration_sets.insert(key, Arc::new(set));
            Ok(())
        })
    }

    pub fn change_configuration_set<R>(
        &self,
        scope: &Scope,
        name: &str,
        change: impl FnOnce(&mut ConfigurationSet) -> Result<R, Refusal>,
    ) -> Result<R, Refusal> {
        self.store.write(|state| {
            let set = state.configuration_sets.get_mut(&(scope.clone(), name.to_owned()));
            change(Arc::make_mut(set.ok_or_else(|| Refusal::NoConfigurationSet(name.to_owned()))?))
        })
    }

    pub fn delete_configuration_set(&self, scope: &Scope, name: &str) -> Result<(), Refusal> {
        let removed = self.store.update(|state| state.configuration_sets.remove(&(scope.clone(), name.to_owned())));
        removed.map(drop).ok_or_else(|| Refusal::NoConfigurationSet(name.to_owned()))
    }

    /// Checks what a destination names: a topic has to exist.
    async fn check_destination(&self, cx: &Cx, destination: &EventDestination) -> Result<(), Refusal> {
        let Some(topic) = &destination.topic else { return Err(Refusal::NotBuilt("event destinations other than topics of SNS")) };
        let no_topic = || Refusal::NoTopic(topic.clone());
        let scope = Arn::parse(topic).filter(|arn| arn.service() == "sns").and_then(|arn| arn.scope()).ok_or_else(no_topic)?;
        let input = cloudlet_api_sns::GetTopicAttributesInput { topic_arn: topic.clone() };
        cx.forward::<cloudlet_api_sns::GetTopicAttributes>(crate::PRINCIPAL, scope, input).await.map(drop).map_err(|_| no_topic())
    }

    pub async fn create_destination(&self, cx: &Cx, set: &str, name: &str, destination: EventDestination) -> Result<(), Refusal> {
        // AWS: recorded: the set first, then the topic.
        let found = self.configuration_set(&cx.scope, set)?;
        let exists = || Refusal::DestinationExists { set: set.to_owned(), destination: name.to_owned() };
        if found.destinations.contains_key(name) {
            return Err(exists());
        }
        self.check_destination(cx, &destination).await?;
        self.change_configuration_set(&cx.scope, set, |found| {
            if found.destinations.contains_key(name) {
                return Err(exists());
            }
            if found.destinations.len() >= limits::EVENT_DESTINATIONS {
                // AWS: unverified message.
                return Err(Refusal::Limit(format!("Configuration set <{set}> has as many event destinations as it may have.")));
            }
            found.destinations.insert(name.to_owned(), destination);
            Ok(())
        })
    }

    pub async fn update_destination(&self, cx: &Cx, set: &str, name: &str, destination: EventDestination) -> Result<(), Refusal> {
        let missing = || Refusal::NoDestination { set: set.to_owned(), destination: name.to_owned() };
        if !self.configuration_set(&cx.scope, set)?.destinations.contains_key(name) {
            return Err(missing());
        }
        self.check_destination(cx, &destination).await?;
        self.change_configuration_set(&cx.scope, set, |found| {
            *found.destinations.get_mut(name).ok_or_else(missing)? = destination;
            Ok(())
        })
    }

    pub fn delete_destination(&self, cx: &Cx, set: &str, name: &str) -> Result<(), Refusal> {
        let missing = || Refusal::NoDestination { set: set.to_owned(), destination: name.to_owned() };
        self.change_configuration_set(&cx.scope, set, |found| found.destinations.remove(name).map(drop).ok_or_else(missing))
    }
}
