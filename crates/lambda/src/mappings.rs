//! Event source mappings: their settings. What they do is in `polling`.

use crate::{
    Lambda,
    code::PRINCIPAL,
    faults, limits,
    names::{self, Named},
    patterns::Pattern,
    scheduled::{MappingInput, PollQueue},
    state::{FunctionKey, Mapping},
    tag_rules,
};
use cloudlet_api_lambda::*;
use cloudlet_api_sqs::{GetQueueAttributes, GetQueueAttributesRequest};
use cloudlet_aws::{Account, Arn, Fault, Timestamp};
use cloudlet_engine::{
    Cx, Permission, handler,
    paging::{InvalidToken, Paging},
    roles,
};
use cloudlet_shape::Operation;
use std::sync::Arc;

const FILTERS: usize = 5;
/// The batch of a queue whose order is kept.
const FIFO_BATCH: i32 = 10;

pub fn mapping_arn(key: &FunctionKey, id: &str) -> Arn {
    Arn::new("lambda", &key.scope(), &format!("event-source-mapping:{id}"))
}

fn absent() -> Fault {
    faults::no_resource()
}

impl Mapping {
    pub fn named(&self) -> Named {
        Named { key: self.function.clone(), qualifier: self.qualifier.clone() }
    }

    /// `state` is what the answer says of it.
    fn shown(&self, id: &str, state: &str) -> EventSourceMappingConfiguration {
        let filters = self.filters.iter().map(|pattern| Filter { pattern: Some(pattern.clone()) }).collect();
        EventSourceMappingConfiguration {
            uuid: Some(id.to_owned()),
            batch_size: Some(self.batch),
            maximum_batching_window_in_seconds: Some(self.window),
            event_source_arn: Some(self.source.clone()),
            filter_criteria: (!self.filters.is_empty()).then_some(FilterCriteria { filters: Some(filters) }),
            scaling_config: self.concurrency.map(|most| ScalingConfig { maximum_concurrency: Some(most) }),
            function_arn: Some(self.named().arn().to_string()),
            last_modified: Some(self.modified),
            state: Some(state.to_owned()),
            state_transition_reason: Some("USER_INITIATED".to_owned()),
            function_response_types: Some(if self.partial { vec!["ReportBatchItemFailures".to_owned()] } else { vec![] }),
            event_source_mapping_arn: Some(mapping_arn(&self.function, id).to_string()),
            ..EventSourceMappingConfiguration::default()
        }
    }

    fn settled(&self) -> &'static str {
        if self.enabled { "Enabled" } else { "Disabled" }
    }

    fn check(&self) -> Result<(), Fault> {
        let is_fifo = self.source.ends_with(".fifo");
        if is_fifo && self.window > 0 {
            // AWS: said so to a batch of 100, too: aws/aws-lambda-dotnet#1758.
            return Err(faults::invalid("Batching window is not supported for FIFO queues"));
        }
        if is_fifo && self.batch > FIFO_BATCH {
            // AWS: unverified wording.
            return Err(faults::invalid(format!("The batch size of a FIFO queue must be at most {FIFO_BATCH}.")));
        }
        if self.batch > 10 && self.window == 0 {
            let text = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10";
            return Err(faults::invalid(text));
        }
        Ok(())
    }
}

fn filters(criteria: Option<FilterCriteria>) -> Result<Vec<String>, Fault> {
    let filters: Vec<String> =
        criteria.and_then(|criteria| criteria.filters).unwrap_or_default().into_iter().filter_map(|filter| filter.pattern).collect();
    if filters.len() > FILTERS || !filters.iter().all(|pattern| Pattern::parse(pattern).is_some()) {
        return Err(faults::invalid("Invalid filter pattern definition."));
    }
    Ok(filters)
}

/// What only mappings of other sources have. AWS: recorded for destinations.
fn check_unsupported(parameters: &[(&str, bool)]) -> Result<(), Fault> {
    match parameters.iter().find(|(_, given)| *given) {
        Some((name, _)) => Err(faults::invalid(format!("Unsupported {name} parameter for given event source mapping type."))),
        None => Ok(()),
    }
}

/// What the requests of both operations have under the same names, and mappings of queues have not, or not here.
macro_rules! check_parameters {
    ($input:ident) => {
        check_unsupported(&[
            ("DestinationConfig", $input.destination_config.is_some()),
            ("ParallelizationFactor", $input.parallelization_factor.is_some()),
            ("BisectBatchOnFunctionError", $input.bisect_batch_on_function_error.is_some()),
            ("MaximumRetryAttempts", $input.maximum_retry_attempts.is_some()),
            ("MaximumRecordAgeInSeconds", $input.maximum_record_age_in_seconds.is_some()),
            ("TumblingWindowInSeconds", $input.tumbling_window_in_seconds.is_some()),
            ("SourceAccessConfigurations", $input.source_access_configurations.is_some()),
            ("AmazonManagedKafkaEventSourceConfig", $input.amazon_managed_kafka_event_source_config.is_some()),
            ("SelfManagedKafkaEventSourceConfig", $input.self_managed_kafka_event_source_config.is_some()),
            ("DocumentDBEventSourceConfig", $input.document_db_event_source_config.is_some()),
        ])?;
        if $input.kms_key_arn.is_some()
            || $input.provisioned_poller_config.is_some()
            || $input.metrics_config.is_some()
            || $input.logging_config.is_some()
        {
            return Err(faults::not_built("KMSKeyArn, ProvisionedPollerConfig, MetricsConfig and LoggingConfig of mappings"));
        }
    };
}

/// The permission for an operation on a mapping, with its function as a condition key.
pub fn on_mapping<O: Operation>(lambda: &Lambda, cx: &Cx, id: &str) -> Permission {
    let mapping = lambda.store.read(|state| state.mappings.get(id).cloned());
    let key = FunctionKey::new(&cx.scope, "");
    let permission = Permission::of::<O>(mapping_arn(&key, id));
    match mapping {
        Some(mapping) => permission.with_key("lambda:FunctionArn", mapping.named().arn().to_string()).with_resource_tags(mapping.tags.clone()),
        None => permission,
    }
}

impl Lambda {
    /// A mapping of the caller's account and region.
    pub fn mapping(&self, cx: &Cx, id: &str) -> Result<Arc<Mapping>, Fault> {
        self.store.read(|state| state.mappings.get(id).cloned()).filter(|mapping| mapping.function.is_in(&cx.scope)).ok_or_else(absent)
    }

    pub fn schedule_poll(&self, cx: &Cx, id: &str, mapping: &Mapping, due: Timestamp) -> Result<(), Fault> {
        let key = &mapping.function;
        let input = MappingInput { id: id.to_owned() };
        cx.schedule_keyed::<PollQueue>(format!("mapping/{id}"), due, PRINCIPAL, key.arn(), key.scope(), input)
    }

    /// AWS: the queue must be there, the function's role must be able to read it, and what it reads must not come back while it works.
    async fn check_queue(&self, cx: &Cx, mapping: &Mapping) -> Result<(), Fault> {
        let queue = Arn::parse(&mapping.source).ok_or_else(|| faults::invalid("Unrecognized event source."))?;
        let version = self.latest(&mapping.function)?;
        let role = Arn::parse(version.role()).ok_or_else(|| Fault::internal("a function without a role"))?;
        let session = roles::assume_role(cx, &role, &mapping.function.name, PRINCIPAL, &mapping.function.arn()).await?;
        let input = GetQueueAttributesRequest { queue_url: names::queue_url(cx, &queue), attribute_names: Some(vec!["VisibilityTimeout".into()]) };
        let scope = queue.scope().unwrap_or_else(|| cx.scope.clone());
        let attributes = cx.call::<GetQueueAttributes>(session.caller, scope, input).await.map_err(|fault| {
            if fault.status() == 403 || fault.name().contains("AccessDenied") {
                return faults::invalid("The provided execution role does not have permissions to call ReceiveMessage on SQS");
            }
            let text = format!("SQS Error Code: {}. SQS Error Message: {}", fault.code(), fault.message());
            faults::invalid(format!("Error occurred while ReceiveMessage. {text}"))
        })?;
        let visibility = attributes.attributes.unwrap_or_default().get("VisibilityTimeout").and_then(|text| text.parse::<i32>().ok()).unwrap_or(30);
        let timeout = version.configuration.timeout.unwrap_or(3);
        if visibility < timeout {
            let text = format!("Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds");
            return Err(faults::invalid(text));
        }
        Ok(())
    }
}

handler!(
    Lambda,
    CreateEventSourceMapping,
    |lambda, cx, input| {
        let function = names::function(cx, &input.function_name, None)?.arn();
        let permission = Permission::of::<CreateEventSourceMapping>(Arn::any()).owned_by(cx.scope.account);
        let tagged = input.tags.as_ref().is_some_and(|tags| !tags.is_empty());
        let permission = permission.with_key("lambda:FunctionArn", function.to_string()).with_request_tags(input.tags.clone().unwrap_or_default());
        Ok(permission.and([tagged.then_some("lambda:TagResource")]))
    },
    |lambda, cx, input| {
        let named = names::function(cx, &input.function_name, None)?;
        if input.event_source_arn.is_none() && input.self_managed_event_source.is_some() {
            return Err(faults::not_built("mappings of clusters that are managed elsewhere"));
        }
        let source = input.event_source_arn.take().ok_or_else(|| faults::invalid("Unrecognized event source."))?;
        let arn = Arn::parse(&source).ok_or_else(|| faults::invalid("Unrecognized event source."))?;
        if matches!(arn.service(), "kinesis" | "dynamodb" | "kafka") {
            if input.starting_position.is_none() {
                let text = "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.";
                return Err(faults::invalid(text));
            }
            return Err(faults::not_built(&format!("mappings of {}", arn.service())));
        }
        if arn.service() != "sqs" || Account::parse(arn.account()).is_none() {
            return Err(faults::invalid("Unrecognized event source."));
        }
        if input.starting_position.is_some() {
            return Err(faults::invalid("StartingPosition is not valid for SQS event sources."));
        }
        check_unsupported(&[
            ("Topics", input.topics.is_some()),
            ("Queues", input.queues.is_some()),
            ("SelfManagedEventSource", input.self_managed_event_source.is_some()),
            ("StartingPositionTimestamp", input.starting_position_timestamp.is_some()),
        ])?;
        check_parameters!(input);
        let mapping = Mapping {
            function: named.key.clone(),
            qualifier: named.qualifier.clone(),
            source: source.clone(),
            batch: input.batch_size.unwrap_or(10),
            window: input.maximum_batching_window_in_seconds.unwrap_or(0),
            filters: filters(input.filter_criteria.take())?,
            partial: input.function_response_types.as_ref().is_some_and(|types| !types.is_empty()),
            concurrency: input.scaling_config.take().and_then(|scaling| scaling.maximum_concurrency),
            enabled: input.enabled.unwrap_or(true),
            modified: cx.now,
            tags: tag_rules::checked(input.tags.take().unwrap_or_default())?,
        };
        mapping.check()?;
        if lambda.store.read(|state| state.resolve(&named, 0).is_none()) {
            return Err(faults::no_function(named.arn()));
        }
        lambda.check_queue(cx, &mapping).await?;
        let id = cx.ids().uuid();
        lambda.store.write(|state| {
            if let Some((other, _)) = state.mappings.iter().find(|(_, other)| other.source == source && other.named() == named) {
                let text = format!("The event source arn (\" {source} \") and function (\" {} \") provided mapping already exists.", named.key.name);
                return Err(faults::conflict(format!("{text} Please update or delete the existing mapping with UUID {other}")));
            }
            state.mappings.insert(id.clone(), Arc::new(mapping.clone()));
            Ok(())
        })?;
        if mapping.enabled {
            lambda.schedule_poll(cx, &id, &mapping, cx.clock().now())?;
        }
        Ok(mapping.shown(&id, "Creating"))
    }
);

handler!(
    Lambda,
    GetEventSourceMapping,
    |lambda, cx, input| Ok(on_mapping::<GetEventSourceMapping>(lambda, cx, &input.uuid).into()),
    |lambda, cx, input| {
        let mapping = lambda.mapping(cx, &input.uuid)?;
        Ok(mapping.shown(&input.uuid, mapping.settled()))
    }
);

handler!(
    Lambda,
    UpdateEventSourceMapping,
    |lambda, cx, input| Ok(on_mapping::<UpdateEventSourceMapping>(lambda, cx, &input.uuid).into()),
    |lambda, cx, input| {
        let mut mapping = Mapping::clone(&*lambda.mapping(cx, &input.uuid)?);
        check_parameters!(input);
        if let Some(name) = &input.function_name {
            let named = names::function(cx, name, None)?;
            if lambda.store.read(|state| state.resolve(&named, 0).is_none()) {
                return Err(faults::no_function(named.arn()));
            }
            let is_other = named != mapping.named();
            (mapping.function, mapping.qualifier) = (named.key, named.qualifier);
            if is_other {
                lambda.check_queue(cx, &mapping).await?;
            }
        }
        let was = mapping.enabled;
        mapping.batch = input.batch_size.unwrap_or(mapping.batch);
        mapping.window = input.maximum_batching_window_in_seconds.unwrap_or(mapping.window);
        mapping.enabled = input.enabled.unwrap_or(mapping.enabled);
        if let Some(criteria) = input.filter_criteria.take() {
            mapping.filters = filters(Some(criteria))?;
        }
        if let Some(types) = &input.function_response_types {
            mapping.partial = !types.is_empty();
        }
        if let Some(scaling) = input.scaling_config.take() {
            mapping.concurrency = scaling.maximum_concurrency;
        }
        mapping.modified = cx.now;
        mapping.check()?;
        lambda.store.write(|state| {
            if !state.mappings.contains(&input.uuid) {
                return Err(absent());
            }
            state.mappings.insert(input.uuid.clone(), Arc::new(mapping.clone()));
            Ok(())
        })?;
        if mapping.enabled {
            lambda.schedule_poll(cx, &input.uuid, &mapping, cx.clock().now())?;
        }
        let state = match (was, mapping.enabled) {
            (false, true) => "Enabling",
            (true, false) => "Disabling",
            _ => "Updating",
        };
        Ok(mapping.shown(&input.uuid, state))
    }
);

handler!(
    Lambda,
    DeleteEventSourceMapping,
    |lambda, cx, input| Ok(on_mapping::<DeleteEventSourceMapping>(lambda, cx, &input.uuid).into()),
    |lambda, cx, input| {
        let mapping = lambda.mapping(cx, &input.uuid)?;
        lambda.store.update(|state| drop(state.mappings.remove(&input.uuid)));
        cx.cancel::<PollQueue>(format!("mapping/{}", input.uuid));
        Ok(mapping.shown(&input.uuid, "Deleting"))
    }
);

handler!(
    Lambda,
    ListEventSourceMappings,
    |lambda, cx, input| Ok(Permission::of::<ListEventSourceMappings>(Arn::any()).owned_by(cx.scope.account).into()),
    |lambda, cx, input| {
        let named = input.function_name.as_deref().map(|name| names::function(cx, name, None)).transpose()?;
        let paging = Paging::of::<ListEventSourceMappings>(cx, &input);
        let page = lambda.store.read(|state| {
            let rows = state.mappings.iter().filter(|(_, mapping)| mapping.function.is_in(&cx.scope));
            let rows = rows.filter(|(_, mapping)| input.event_source_arn.as_ref().is_none_or(|arn| *arn == mapping.source));
            let rows = rows.filter(|(_, mapping)| {
                named
                    .as_ref()
                    .is_none_or(|named| mapping.function == named.key && (named.qualifier.is_none() || mapping.qualifier == named.qualifier))
            });
            let rows = rows.map(|(id, mapping)| (id.clone(), mapping.shown(id, mapping.settled())));
            paging.page_of(paging.length(limits::MAPPING_PAGE, limits::MAPPING_PAGE), rows)
        });
        let page = page.map_err(|InvalidToken| faults::invalid_page())?;
        Ok(ListEventSourceMappingsResponse { next_marker: page.next_token, event_source_mappings: Some(page.items) })
    }
);
