//! Log groups: making, finding, listing and deleting them; their retention and their protection.

use crate::{
    Logs, encryption, faults, limits,
    names::{group_arn, group_of_arn, group_of_identifier, own_group},
    pages::{page, page_of},
    permissions::{on_resource, with_tags},
    state::{Group, GroupClass, GroupEvents, GroupKey, of_group, of_scope},
    tags,
};
use cloudlet_api_logs::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, handler};
use cloudlet_shape::Empty;
use std::sync::Arc;

impl Logs {
    pub fn group(&self, group: &GroupKey) -> Result<Arc<Group>, Fault> {
        self.store.read(|state| state.groups.get(group).cloned()).ok_or_else(faults::no_such_group)
    }

    /// A group of the class that has filters and Live Tail.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch_Logs_Log_Classes.html>
    pub fn standard_group(&self, group: &GroupKey) -> Result<Arc<Group>, Fault> {
        let found = self.group(group)?;
        // AWS: unverified message.
        if found.class == GroupClass::Standard { Ok(found) } else { Err(faults::invalid("Only Standard log class is supported.")) }
    }

    /// Changes a group.
    pub fn change_group(&self, group: &GroupKey, change: impl FnOnce(&mut Group) -> Result<(), Fault>) -> Result<Empty, Fault> {
        self.store.write(|state| {
            let row = state.groups.get_mut(group).ok_or_else(faults::no_such_group)?;
            change(Arc::make_mut(row))?;
            Ok(Empty {})
        })
    }

    /// A group as AWS shows it.
    fn shown(&self, key: &GroupKey, group: &Group, metric_filters: usize) -> LogGroup {
        let arn = group_arn(key).to_string();
        let bytes = self.events.read(key, |events| events.total().bytes).unwrap_or(0);
        LogGroup {
            log_group_name: Some(key.1.to_string()),
            creation_time: Some(group.created.millis()),
            retention_in_days: group.retention_days,
            metric_filter_count: i32::try_from(metric_filters).ok(),
            arn: Some(format!("{arn}:*")),
            // AWS: recorded: a group without events shows none.
            stored_bytes: Some(bytes).filter(|bytes| *bytes > 0),
            kms_key_id: group.encryption.as_ref().map(|encryption| encryption.key.clone()),
            log_group_class: Some(group.class.as_str().to_owned()),
            log_group_arn: Some(arn),
            deletion_protection_enabled: group.deletion_protected.then_some(true),
            ..LogGroup::default()
        }
    }
}

/// The resource of lists of groups. AWS: recorded denials have it, with a prefix or without.
fn all_groups(cx: &Cx) -> Arn {
    Arn::new("logs", &cx.scope, "log-group::log-stream:")
}

handler!(
    Logs,
    CreateLogGroup,
    |logs, cx, input| {
        let permission = logs.on_group::<CreateLogGroup>(&own_group(cx, &input.log_group_name));
        Ok(with_tags(permission, input.tags.as_ref()))
    },
    |logs, cx, input| {
        let key = own_group(cx, &input.log_group_name);
        if key.1.starts_with("aws/") {
            // AWS: unverified message.
            return Err(faults::invalid("Log groups starting with AWS/ are reserved for AWS."));
        }
        let given = input.tags.unwrap_or_default();
        tags::check(&given)?;
        let class = match input.log_group_class.as_deref() {
            Some(class) => GroupClass::parse(class).ok_or_else(|| faults::invalid("Invalid logGroupClass"))?,
            None => GroupClass::Standard,
        };
        if logs.group(&key).is_ok() {
            return Err(faults::group_exists());
        }
        let encryption = match input.kms_key_id {
            Some(kms_key) => Some(encryption::associate(cx, &key, kms_key).await?),
            None => None,
        };
        let deletion_protected = input.deletion_protection_enabled.unwrap_or(false);
        let group = Group { created: cx.now, class, retention_days: None, encryption, tags: given, deletion_protected };
        logs.store.write(|state| {
            if state.groups.contains(&key) {
                return Err(faults::group_exists());
            }
            if state.groups.len() >= limits::GROUPS {
                return Err(faults::limit_exceeded());
            }
            state.groups.insert(key.clone(), Arc::new(group));
            Ok(())
        })?;
        let _ = logs.events.create(key, GroupEvents::default());
        Ok(Empty {})
    }
);

handler!(
    Logs,
    DeleteLogGroup,
    |logs, cx, input| Ok(logs.on_group::<DeleteLogGroup>(&own_group(cx, &input.log_group_name)).into()),
    |logs, cx, input| {
        let key = own_group(cx, &input.log_group_name);
        logs.store.write(|state| {
            let group = state.groups.get(&key).ok_or_else(faults::no_such_group)?;
            if group.deletion_protected {
                // AWS: unverified message.
                return Err(faults::VALIDATION.says("The log group has deletion protection enabled and cannot be deleted."));
            }
            state.groups.remove(&key);
            state.group_policies.remove(&key);
            let metric_filters: Vec<_> = of_group(&state.metric_filters, &key).map(|(name, _)| name.clone()).collect();
            for name in metric_filters {
                state.metric_filters.remove(&(key.clone(), name));
            }
            let subscription_filters: Vec<_> = of_group(&state.subscription_filters, &key).map(|(name, _)| name.clone()).collect();
            for name in subscription_filters {
                state.subscription_filters.remove(&(key.clone(), name));
            }
            Ok(())
        })?;
        logs.events.remove(&key);
        Ok(Empty {})
    }
);

handler!(Logs, DescribeLogGroups, |logs, cx, input| Ok(on_resource::<DescribeLogGroups>(all_groups(cx)).into()), |logs, cx, input| {
    let prefix = input.log_group_name_prefix.as_deref();
    let pattern = input.log_group_name_pattern.as_deref();
    if prefix.is_some() && pattern.is_some() {
        return Err(faults::invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."));
    }
    let named = match &input.log_group_identifiers {
        Some(_) if prefix.is_some() || pattern.is_some() => {
            // AWS: unverified message.
            return Err(faults::invalid("LogGroup identifiers are mutually exclusive with LogGroup name prefix and LogGroup name pattern."));
        }
        Some(identifiers) => Some(identifiers.iter().map(|identifier| group_of_identifier(cx, identifier)).collect::<Result<Vec<_>, Fault>>()?),
        None => None,
    };
    let class = input.log_group_class.as_deref().and_then(GroupClass::parse);
    let page = logs.store.read(|state| {
        page::<DescribeLogGroups, _, _, _>(cx, &input, input.limit, |after: Option<Arc<str>>| {
            let rows = of_scope(&state.groups, &cx.scope, prefix.unwrap_or_default(), after);
            let rows = rows.filter(|(name, group)| {
                pattern.is_none_or(|pattern| name.contains(pattern))
                    && class.is_none_or(|class| group.class == class)
                    && named.as_ref().is_none_or(|named| named.iter().any(|(_, of)| of == *name))
            });
            rows.map(|(name, group)| {
                let key = (cx.scope.clone(), name.clone());
                let filters = of_group(&state.metric_filters, &key).count();
                (name.clone(), logs.shown(&key, group, filters))
            })
        })
    })?;
    Ok(DescribeLogGroupsResponse { log_groups: Some(page.items), next_token: page.next_token })
});

handler!(Logs, ListLogGroups, |logs, cx, input| Ok(on_resource::<ListLogGroups>(all_groups(cx)).into()), |logs, cx, input| {
    if input.data_sources.is_some() || input.field_index_names.is_some() {
        return Err(faults::not_implemented("data sources and field indexes of log groups"));
    }
    // `name`, `^start`, `one|^other`
    let alternatives: Option<Vec<&str>> = input.log_group_name_pattern.as_deref().map(|pattern| pattern.split('|').collect());
    let fits = |name: &str, alternative: &str| match alternative.strip_prefix('^') {
        Some(start) => name.starts_with(start),
        None => name.contains(alternative),
    };
    let class = input.log_group_class.as_deref().and_then(GroupClass::parse);
    let has_tags = |group: &Group| {
        input
            .log_group_tags
            .iter()
            .flatten()
            .all(|filter| group.tags.get(&filter.key).is_some_and(|value| filter.values.as_ref().is_none_or(|values| values.contains(value))))
    };
    let page = logs.store.read(|state| {
        page_of::<ListLogGroups, _, _, _>(cx, &input, input.limit, limits::PAGE, limits::LIST_PAGE, |after: Option<Arc<str>>| {
            let rows = of_scope(&state.groups, &cx.scope, "", after);
            let rows = rows.filter(|(name, group)| {
                alternatives.as_ref().is_none_or(|any| any.iter().any(|one| fits(name, one)))
                    && class.is_none_or(|class| group.class == class)
                    && has_tags(group)
            });
            rows.map(|(name, group)| {
                let summary = LogGroupSummary {
                    log_group_name: Some(name.to_string()),
                    log_group_arn: Some(group_arn(&(cx.scope.clone(), name.clone())).to_string()),
                    log_group_class: Some(group.class.as_str().to_owned()),
                };
                (name.clone(), summary)
            })
        })
    })?;
    Ok(ListLogGroupsResponse { log_groups: Some(page.items), next_token: page.next_token })
});

handler!(
    Logs,
    PutRetentionPolicy,
    |logs, cx, input| Ok(logs.on_group::<PutRetentionPolicy>(&own_group(cx, &input.log_group_name)).into()),
    |logs, cx, input| {
        let days = input.retention_in_days;
        if !limits::RETENTION_DAYS.contains(&days) {
            let values = limits::RETENTION_DAYS.map(|days| days.to_string()).join(", ");
            // AWS: unverified message.
            return Err(faults::invalid(format!(
                "1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: \
                 [{values}]"
            )));
        }
        logs.change_group(&own_group(cx, &input.log_group_name), |group| {
            group.retention_days = Some(days);
            Ok(())
        })
    }
);

handler!(
    Logs,
    DeleteRetentionPolicy,
    |logs, cx, input| Ok(logs.on_group::<DeleteRetentionPolicy>(&own_group(cx, &input.log_group_name)).into()),
    |logs, cx, input| logs.change_group(&own_group(cx, &input.log_group_name), |group| {
        group.retention_days = None;
        Ok(())
    })
);

handler!(
    Logs,
    PutLogGroupDeletionProtection,
    |logs, cx, input| Ok(logs.on_group::<PutLogGroupDeletionProtection>(&group_of_identifier(cx, &input.log_group_identifier)?).into()),
    |logs, cx, input| logs.change_group(&group_of_identifier(cx, &input.log_group_identifier)?, |group| {
        group.deletion_protected = input.deletion_protection_enabled;
        Ok(())
    })
);

/// The group that a call about its key names: by name, or by the ARN of a group. Results of queries have keys of their own.
fn keyed_group(cx: &Cx, name: Option<&str>, identifier: Option<&str>) -> Result<GroupKey, Fault> {
    match (name, identifier) {
        (Some(name), None) => Ok(own_group(cx, name)),
        (None, Some(identifier)) => match Arn::parse(identifier).as_ref().and_then(group_of_arn) {
            Some(group) => Ok(group),
            None if identifier.ends_with(":query-result:*") => Err(faults::not_implemented("KMS keys of query results")),
            None => Err(faults::invalid("Invalid resourceIdentifier")),
        },
        // AWS: unverified message.
        _ => Err(faults::invalid("Exactly one of logGroupName and resourceIdentifier must be specified.")),
    }
}

handler!(
    Logs,
    AssociateKmsKey,
    |logs, cx, input| {
        let group = keyed_group(cx, input.log_group_name.as_deref(), input.resource_identifier.as_deref())?;
        Ok(logs.on_group::<AssociateKmsKey>(&group).into())
    },
    |logs, cx, input| {
        let key = keyed_group(cx, input.log_group_name.as_deref(), input.resource_identifier.as_deref())?;
        logs.group(&key)?;
        let association = encryption::associate(cx, &key, input.kms_key_id).await?;
        logs.change_group(&key, |group| {
            group.encryption = Some(association);
            Ok(())
        })
    }
);

handler!(
    Logs,
    DisassociateKmsKey,
    |logs, cx, input| {
        let group = keyed_group(cx, input.log_group_name.as_deref(), input.resource_identifier.as_deref())?;
        Ok(logs.on_group::<DisassociateKmsKey>(&group).into())
    },
    |logs, cx, input| {
        let key = keyed_group(cx, input.log_group_name.as_deref(), input.resource_identifier.as_deref())?;
        logs.change_group(&key, |group| {
            group.encryption = None;
            Ok(())
        })
    }
);
