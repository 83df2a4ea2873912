//! Configurations of which a bucket has many, each with an id: analytics, intelligent-tiering, inventory, metrics. Four operations each.

mod rules;

use crate::{S3, access::gone, api, limits, lists::incorrect_token, state::BucketTables};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::StoredShape;
use cloudlet_engine::{
    Cx, Handle, Permissions,
    paging::{Page, Paging},
};
use cloudlet_shape::{Empty, Operation, Shape};
use cloudlet_store::Table;
use std::any::Any;

/// One kind of configuration.
trait Configuration: Shape {
    fn table(tables: &BucketTables) -> &Table<String, StoredShape<Self>>;
    fn table_mut(tables: &mut BucketTables) -> &mut Table<String, StoredShape<Self>>;
    /// Refuses what S3 refuses. `id` is that of the request.
    fn check(&self, id: &str) -> Result<(), Fault>;
}

/// Inventory configurations have reports, which are scheduled.
fn as_inventory<C: Configuration>(configuration: &C) -> Option<&api::InventoryConfiguration> {
    let configuration: &dyn Any = configuration;
    configuration.downcast_ref()
}

fn missing() -> Fault {
    FaultKind::sender("NoSuchConfiguration", 404).says("The specified configuration does not exist.")
}

impl S3 {
    fn put_configuration<C: Configuration>(&self, cx: &Cx, bucket: &str, id: String, configuration: C) -> Result<Empty, Fault> {
        let found = self.find(cx, bucket, None)?;
        rules::check_id(&id)?;
        configuration.check(&id)?;
        let written = found.tables.write(|tables| {
            let table = C::table_mut(tables);
            if table.len() >= limits::MAX_CONFIGURATIONS && !table.contains(&id) {
                let text = "You are attempting to create a new configuration but have already reached the 1,000-configuration limit.";
                return Err(FaultKind::sender("TooManyConfigurations", 400).says(text));
            }
            let configuration = StoredShape::new(configuration);
            table.insert(id, configuration.clone());
            Ok(configuration)
        });
        let configuration = written.ok_or_else(gone(bucket))??;
        if let Some(inventory) = as_inventory(&*configuration) {
            self.schedule_inventory(cx, &found, inventory);
        }
        // AWS: recorded.
        cx.reply.status(204);
        Ok(Empty {})
    }

    fn get_configuration<C: Configuration>(&self, cx: &Cx, bucket: &str, id: &str) -> Result<C, Fault> {
        let found = self.find(cx, bucket, None)?;
        let configuration = found.tables.read(|tables| C::table(tables).get(id).map(StoredShape::shape)).ok_or_else(gone(bucket))?;
        configuration.ok_or_else(missing)
    }

    fn delete_configuration<C: Configuration>(&self, cx: &Cx, bucket: &str, id: &str) -> Result<Empty, Fault> {
        let found = self.find(cx, bucket, None)?;
        let removed = found.tables.write(|tables| C::table_mut(tables).remove(id).ok_or_else(missing));
        if as_inventory(&*removed.ok_or_else(gone(bucket))??).is_some() {
            self.cancel_inventory(cx, bucket, id);
        }
        Ok(Empty {})
    }

    fn list_configurations<C: Configuration, O: Operation>(&self, cx: &Cx, bucket: &str, token: Option<&str>) -> Result<Page<C>, Fault> {
        let found = self.find(cx, bucket, None)?;
        let paging = Paging::with_filters::<O>(cx, &[bucket], token);
        let page = found.tables.read(|tables| {
            let rows = C::table(tables).iter().map(|(id, configuration)| (id.clone(), configuration.shape()));
            paging.page_of(limits::CONFIGURATIONS_PAGE, rows)
        });
        page.ok_or_else(gone(bucket))?.map_err(incorrect_token)
    }
}

/// The four operations of one kind.
macro_rules! operations {
    ($table:ident, $member:ident, $list:ident: $shape:ident, $put:ident, $get:ident, $all:ident, $delete:ident, [$($request:ident),*], [$get_output:ident, $list_output:ident]) => {
        operations!(@ $table, $member, $list: $shape, $put, $get, $all, $delete, $($request,)* $get_output, $list_output);
    };
    (@ $table:ident, $member:ident, $list:ident: $shape:ident, $put:ident, $get:ident, $all:ident, $delete:ident,
     $put_request:ident, $get_request:ident, $list_request:ident, $delete_request:ident, $get_output:ident, $list_output:ident) => {
        impl Configuration for api::$shape {
            fn table(tables: &BucketTables) -> &Table<String, StoredShape<Self>> {
                &tables.$table
            }
            fn table_mut(tables: &mut BucketTables) -> &mut Table<String, StoredShape<Self>> {
                &mut tables.$table
            }
            fn check(&self, id: &str) -> Result<(), Fault> {
                rules::$table(id, self)
            }
        }

        impl Handle<api::$put> for S3 {
            fn permissions(&self, cx: &Cx, input: &api::$put_request) -> Result<Permissions, Fault> {
                let mut permission = self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::$put>(cx);
                if let Some(fields) = as_inventory(&input.$member).and_then(|inventory| inventory.optional_fields.as_ref()) {
                    permission.keys.set_many("s3:InventoryAccessibleOptionalFields", fields.iter().cloned());
                }
                Ok(permission.into())
            }
            async fn handle(&self, cx: &Cx, input: api::$put_request) -> Result<Empty, Fault> {
                self.put_configuration(cx, &input.bucket, input.id, input.$member)
            }
        }

        impl Handle<api::$get> for S3 {
            fn permissions(&self, cx: &Cx, input: &api::$get_request) -> Result<Permissions, Fault> {
                Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::$get>(cx).into())
            }
            async fn handle(&self, cx: &Cx, input: api::$get_request) -> Result<api::$get_output, Fault> {
                Ok(api::$get_output { $member: Some(self.get_configuration(cx, &input.bucket, &input.id)?) })
            }
        }

        impl Handle<api::$all> for S3 {
            fn permissions(&self, cx: &Cx, input: &api::$list_request) -> Result<Permissions, Fault> {
                Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::$all>(cx).into())
            }
            async fn handle(&self, cx: &Cx, input: api::$list_request) -> Result<api::$list_output, Fault> {
                let page = self.list_configurations::<api::$shape, api::$all>(cx, &input.bucket, input.continuation_token.as_deref())?;
                Ok(api::$list_output {
                    is_truncated: Some(page.next_token.is_some()),
                    continuation_token: input.continuation_token,
                    next_continuation_token: page.next_token,
                    $list: Some(page.items).filter(|items| !items.is_empty()),
                })
            }
        }

        impl Handle<api::$delete> for S3 {
            fn permissions(&self, cx: &Cx, input: &api::$delete_request) -> Result<Permissions, Fault> {
                Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::$delete>(cx).into())
            }
            async fn handle(&self, cx: &Cx, input: api::$delete_request) -> Result<Empty, Fault> {
                self.delete_configuration::<api::$shape>(cx, &input.bucket, &input.id)
            }
        }
    };
}

operations!(analytics, analytics_configuration, analytics_configuration_list: AnalyticsConfiguration,
    PutBucketAnalyticsConfiguration, GetBucketAnalyticsConfiguration, ListBucketAnalyticsConfigurations, DeleteBucketAnalyticsConfiguration,
    [PutBucketAnalyticsConfigurationRequest, GetBucketAnalyticsConfigurationRequest, ListBucketAnalyticsConfigurationsRequest, DeleteBucketAnalyticsConfigurationRequest],
    [GetBucketAnalyticsConfigurationOutput, ListBucketAnalyticsConfigurationsOutput]);
operations!(intelligent_tiering, intelligent_tiering_configuration, intelligent_tiering_configuration_list: IntelligentTieringConfiguration,
    PutBucketIntelligentTieringConfiguration, GetBucketIntelligentTieringConfiguration, ListBucketIntelligentTieringConfigurations, DeleteBucketIntelligentTieringConfiguration,
    [PutBucketIntelligentTieringConfigurationRequest, GetBucketIntelligentTieringConfigurationRequest, ListBucketIntelligentTieringConfigurationsRequest, DeleteBucketIntelligentTieringConfigurationRequest],
    [GetBucketIntelligentTieringConfigurationOutput, ListBucketIntelligentTieringConfigurationsOutput]);
operations!(inventory, inventory_configuration, inventory_configuration_list: InventoryConfiguration,
    PutBucketInventoryConfiguration, GetBucketInventoryConfiguration, ListBucketInventoryConfigurations, DeleteBucketInventoryConfiguration,
    [PutBucketInventoryConfigurationRequest, GetBucketInventoryConfigurationRequest, ListBucketInventoryConfigurationsRequest, DeleteBucketInventoryConfigurationRequest],
    [GetBucketInventoryConfigurationOutput, ListBucketInventoryConfigurationsOutput]);
operations!(metrics, metrics_configuration, metrics_configuration_list: MetricsConfiguration,
    PutBucketMetricsConfiguration, GetBucketMetricsConfiguration, ListBucketMetricsConfigurations, DeleteBucketMetricsConfiguration,
    [PutBucketMetricsConfigurationRequest, GetBucketMetricsConfigurationRequest, ListBucketMetricsConfigurationsRequest, DeleteBucketMetricsConfigurationRequest],
    [GetBucketMetricsConfigurationOutput, ListBucketMetricsConfigurationsOutput]);
