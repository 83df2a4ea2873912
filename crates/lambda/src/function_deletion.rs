//! Functions and versions are deleted, with all that belongs to them.

use crate::{
    Lambda, faults,
    functions::on_function,
    names::{self, LATEST},
    state::{Alias, FunctionKey, State, rows_of},
};
use cloudlet_api_lambda::*;
use cloudlet_engine::handler;

handler!(
    Lambda,
    DeleteFunction,
    |lambda, cx, input| Ok(on_function::<DeleteFunction>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let named = names::function(cx, &input.function_name, input.qualifier.as_deref())?;
        let key = named.key;
        if named.qualifier.as_deref() == Some(LATEST) {
            return Err(faults::invalid("$LATEST version cannot be deleted without deleting the function."));
        }
        let bodies = lambda.store.write(|state| {
            if !state.functions.contains(&key) {
                return Err(faults::no_function(key.arn()));
            }
            let Some(qualifier) = &named.qualifier else {
                let mut bodies = state.remove_function(&key);
                bodies.extend(state.remove_unused_layers());
                return Ok(bodies);
            };
            match names::version(qualifier) {
                None => Err(faults::invalid("Deletion of aliases is not currently supported.")),
                Some(number) => {
                    let uses = |alias: &Alias| alias.version == number || alias.second.is_some_and(|(second, _)| second == number);
                    let users: Vec<&str> = state.aliases_of(&key).filter(|(_, alias)| uses(alias)).map(|(name, _)| name).collect();
                    if !users.is_empty() {
                        let text = "Unable to delete version because the following aliases reference it:";
                        return Err(faults::conflict(format!("{text} [{}]", users.join(", "))));
                    }
                    let removed = state.versions.remove(&(key.clone(), number));
                    state.remove_qualifier(&key, qualifier);
                    let mut bodies: Vec<_> = removed.into_iter().map(|version| version.code.clone()).collect();
                    bodies.extend(state.remove_unused_layers());
                    Ok(bodies)
                }
            }
        })?;
        bodies.iter().for_each(|body| lambda.blobs.delete(body));
        lambda.forget(&key);
        Ok(DeleteFunctionResponse { status_code: Some(204) })
    }
);

impl State {
    /// Removes a function with all that belongs to it. The bodies that its rows named.
    fn remove_function(&mut self, key: &FunctionKey) -> Vec<cloudlet_store::Blob> {
        self.functions.remove(key);
        let numbers: Vec<u64> = self.versions_of(key).map(|(number, _)| number).collect();
        let bodies = numbers.iter().filter_map(|number| self.versions.remove(&(key.clone(), *number))).map(|version| version.code.clone()).collect();
        let mut qualifiers: Vec<String> = self.aliases_of(key).map(|(name, _)| name.to_owned()).collect();
        qualifiers.extend(rows_of(&self.policies, key).map(|(name, _)| name.to_owned()));
        qualifiers.extend(rows_of(&self.urls, key).map(|(name, _)| name.to_owned()));
        qualifiers.extend(rows_of(&self.invoke_configs, key).map(|(name, _)| name.to_owned()));
        qualifiers.extend(rows_of(&self.provisioned, key).map(|(name, _)| name.to_owned()));
        for qualifier in qualifiers {
            self.aliases.remove(&(key.clone(), qualifier.clone()));
            self.remove_qualifier(key, &qualifier);
        }
        bodies
    }

    /// Removes what belongs to a version or an alias.
    pub fn remove_qualifier(&mut self, key: &FunctionKey, qualifier: &str) {
        let of = (key.clone(), qualifier.to_owned());
        self.policies.remove(&of);
        self.urls.remove(&of);
        self.invoke_configs.remove(&of);
        self.provisioned.remove(&of);
    }
}
