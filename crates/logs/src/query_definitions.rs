//! Saved queries.

use crate::{
    Logs, faults, limits,
    pages::page_of,
    permissions::on_account,
    state::{Named, of_scope},
};
use cloudlet_api_logs::*;
use cloudlet_engine::{Cx, StoredShape, fingerprint::Fingerprint, handler, uuid_text};
use std::sync::Arc;

const LONGEST_PAGE: usize = 1_000;

fn missing() -> cloudlet_aws::Fault {
    // AWS: unverified message.
    faults::RESOURCE_NOT_FOUND.says("The specified query definition does not exist.")
}

/// A request that comes again makes no second definition: its token says which it is. AWS: unverified for another definition under the same token.
fn id_of_token(cx: &Cx, token: &str) -> String {
    let (account, region) = (cx.scope.account.to_string(), cx.scope.region.to_string());
    uuid_text(*Fingerprint::of_texts(&["query-definition", &account, &region, token]).as_bytes())
}

handler!(Logs, PutQueryDefinition, |logs, cx, input| Ok(on_account::<PutQueryDefinition>(cx).into()), |logs, cx, input| {
    let id = match (&input.query_definition_id, &input.client_token) {
        (Some(id), _) => id.clone(),
        (None, Some(token)) => id_of_token(cx, token),
        (None, None) => cx.ids().uuid(),
    };
    let key: Named = (cx.scope.clone(), id.as_str().into());
    logs.store.write(|state| {
        let is_new = !state.query_definitions.contains(&key);
        if is_new && input.query_definition_id.is_some() {
            return Err(missing());
        }
        if is_new && of_scope(&state.query_definitions, &cx.scope, "", None).count() >= limits::QUERY_DEFINITIONS {
            return Err(faults::limit_exceeded());
        }
        let definition = QueryDefinition {
            query_language: Some(input.query_language.unwrap_or_else(|| "CWLI".to_owned())),
            query_definition_id: Some(id.clone()),
            name: Some(input.name),
            query_string: Some(input.query_string),
            last_modified: Some(cx.now.millis()),
            log_group_names: input.log_group_names,
            parameters: input.parameters,
        };
        state.query_definitions.insert(key, StoredShape::new(definition));
        Ok(PutQueryDefinitionResponse { query_definition_id: Some(id) })
    })
});

handler!(Logs, DescribeQueryDefinitions, |logs, cx, input| Ok(on_account::<DescribeQueryDefinitions>(cx).into()), |logs, cx, input| {
    let prefix = input.query_definition_name_prefix.as_deref().unwrap_or_default();
    let page = logs.store.read(|state| {
        page_of::<DescribeQueryDefinitions, _, _, _>(cx, &input, input.max_results, LONGEST_PAGE, LONGEST_PAGE, |after: Option<Arc<str>>| {
            let rows = of_scope(&state.query_definitions, &cx.scope, "", after);
            let rows = rows.filter(|(_, definition)| {
                definition.name.as_ref().is_some_and(|name| name.starts_with(prefix))
                    && input.query_language.as_ref().is_none_or(|language| definition.query_language.as_ref() == Some(language))
            });
            rows.map(|(id, definition)| (id.clone(), definition.shape()))
        })
    })?;
    Ok(DescribeQueryDefinitionsResponse { query_definitions: Some(page.items), next_token: page.next_token })
});

handler!(Logs, DeleteQueryDefinition, |logs, cx, input| Ok(on_account::<DeleteQueryDefinition>(cx).into()), |logs, cx, input| {
    let key: Named = (cx.scope.clone(), input.query_definition_id.into());
    logs.store.write(|state| state.query_definitions.remove(&key).map(|_| DeleteQueryDefinitionResponse { success: Some(true) }).ok_or_else(missing))
});
