//! ListCommands and ListCommandInvocations: the newest first.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListCommands.html>

use super::{
    get::check_known,
    rows::{Command, Invocation, Progress},
    shown,
};
use crate::{Ssm, faults, parameters::permissions::on_all};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Fault, Timestamp, TimestampFormat};
use cloudlet_engine::{Cx, Handle, Permissions, paging::Paging};
use std::{cmp::Reverse, sync::Arc};

const PAGE: usize = 50;

enum Filter {
    After(Timestamp),
    Before(Timestamp),
    Status(String),
    Document(String),
    Stage(String),
}

fn parse(filters: &[CommandFilter]) -> Result<Vec<Filter>, Fault> {
    let time = |text: &str| {
        Timestamp::parse(text, TimestampFormat::DateTime).or_else(|| Timestamp::parse_any(text)).ok_or_else(|| {
            // AWS: unverified message.
            faults::INVALID_FILTER_KEY.says(format!("{text} is no time: it is written 2018-05-07T00:00:00Z."))
        })
    };
    let each = filters.iter().map(|filter| {
        Ok(match filter.key.as_str() {
            "InvokedAfter" => Filter::After(time(&filter.value)?),
            "InvokedBefore" => Filter::Before(time(&filter.value)?),
            "Status" => Filter::Status(filter.value.clone()),
            "ExecutionStage" => Filter::Stage(filter.value.clone()),
            _ => Filter::Document(filter.value.clone()),
        })
    });
    each.collect()
}

impl Filter {
    fn selects(&self, command: &Command, progress: Progress) -> bool {
        match self {
            Filter::After(time) => command.requested >= *time,
            Filter::Before(time) => command.requested <= *time,
            Filter::Status(status) => progress.status() == status || progress.details() == status,
            Filter::Document(name) => *command.document == **name,
            Filter::Stage(stage) => (stage == "Complete") == progress.is_over(),
        }
    }
}

impl Handle<ListCommands> for Ssm {
    fn permissions(&self, cx: &Cx, _: &ListCommandsRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<ListCommands>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: ListCommandsRequest) -> Result<ListCommandsResult, Fault> {
        let filters = parse(input.filters.as_deref().unwrap_or_default())?;
        check_known(self, cx, input.command_id.as_deref())?;
        let list = Paging::of::<ListCommands>(cx, &input);
        let page = self.commands.store.read(|state| {
            let selected = state.newest(&cx.scope).filter(|(id, command)| {
                command.association.is_none()
                    && input.command_id.as_ref().is_none_or(|wanted| **wanted == ***id)
                    && filters.iter().all(|filter| filter.selects(command, command.progress))
                    && input
                        .instance_id
                        .as_ref()
                        .is_none_or(|node| state.invocations.contains(&(cx.scope.clone(), (*id).clone(), node.as_str().into())))
            });
            let rows = selected.map(|(id, command)| {
                let place = (cx.scope.clone(), id.clone());
                let invocations: Vec<Arc<Invocation>> = state.of_command(&place).map(|(_, invocation)| invocation.clone()).collect();
                ((Reverse(command.requested), Reverse(id.to_string())), shown::command(id, command, &invocations))
            });
            list.page_of(list.length(PAGE, PAGE), rows).map_err(|_| faults::invalid_next_token())
        })?;
        Ok(ListCommandsResult { commands: Some(page.items), next_token: page.next_token })
    }
}

impl Handle<ListCommandInvocations> for Ssm {
    fn permissions(&self, cx: &Cx, _: &ListCommandInvocationsRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<ListCommandInvocations>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: ListCommandInvocationsRequest) -> Result<ListCommandInvocationsResult, Fault> {
        let filters = parse(input.filters.as_deref().unwrap_or_default())?;
        check_known(self, cx, input.command_id.as_deref())?;
        let list = Paging::of::<ListCommandInvocations>(cx, &input);
        let details = input.details == Some(true);
        let page = self.commands.store.read(|state| {
            let commands = state
                .newest(&cx.scope)
                .filter(|(id, command)| command.association.is_none() && input.command_id.as_ref().is_none_or(|wanted| **wanted == ***id));
            let rows = commands.flat_map(|(id, command)| {
                let place = (cx.scope.clone(), id.clone());
                let rows: Vec<(Arc<str>, Arc<Invocation>)> = state.of_command(&place).map(|(node, row)| (node.clone(), row.clone())).collect();
                rows.into_iter().map(move |(node, row)| (id, command, node, row))
            });
            let selected = rows.filter(|(_, command, node, row)| {
                input.instance_id.as_ref().is_none_or(|wanted| **wanted == **node)
                    && filters.iter().all(|filter| filter.selects(command, row.progress))
            });
            let shown = selected.map(|(id, command, node, row)| {
                let key = (Reverse(command.requested), Reverse(id.to_string()), node.to_string());
                (key, shown::invocation(id, &node, command, &row, details))
            });
            list.page_of(list.length(PAGE, PAGE), shown).map_err(|_| faults::invalid_next_token())
        })?;
        Ok(ListCommandInvocationsResult { command_invocations: Some(page.items), next_token: page.next_token })
    }
}
