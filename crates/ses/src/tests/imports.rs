use super::fixture::*;
use cloudlet_api_sesv2::*;
use std::sync::Arc;

fn job(key: &str, format: &str, destination: ImportDestination) -> CreateImportJobRequest {
    CreateImportJobRequest {
        import_destination: destination,
        import_data_source: ImportDataSource { s3_url: format!("s3://files/{key}"), data_format: format.into() },
    }
}

fn to_list(action: &str) -> ImportDestination {
    let list = SuppressionListDestination { suppression_list_import_action: action.into() };
    ImportDestination { suppression_list_destination: Some(list), contact_list_destination: None }
}

fn to_contacts(action: &str) -> ImportDestination {
    let list = ContactListDestination { contact_list_name: "list".into(), contact_list_import_action: action.into() };
    ImportDestination { suppression_list_destination: None, contact_list_destination: Some(list) }
}

async fn done(cloud: &TestCloud, input: CreateImportJobRequest) -> GetImportJobResponse {
    let job_id = cloud.ok::<CreateImportJob>(input).await.job_id.unwrap();
    cloud.settle().await;
    cloud.ok::<GetImportJob>(GetImportJobRequest { job_id }).await
}

fn cloud() -> (TestCloud, Arc<Objects>) {
    let (builder, _, objects, _) = with_targets(FREE);
    (builder.journaled().build(), objects)
}

#[tokio::test]
async fn addresses_are_read_into_the_suppression_list_and_out_of_it() {
    let (cloud, objects) = cloud();
    objects.put("files/list.csv", "a@b.com,BOUNCE\nc@d.com,COMPLAINT\nnothing\ne@f.com,ELSE\n");
    let shown = done(&cloud, job("list.csv", "CSV", to_list("PUT"))).await;
    assert_eq!((shown.job_status.as_deref(), shown.processed_records_count, shown.failed_records_count), (Some("COMPLETED"), Some(4), Some(2)));
    assert!(shown.failure_info.unwrap().failed_records_s3_url.unwrap().contains("/_cloudlet/ses/import-jobs/"));
    let cloud = cloud.restart();
    let found = cloud.ok::<GetSuppressedDestination>(GetSuppressedDestinationRequest { email_address: "c@d.com".into(), tenant_name: None }).await;
    assert_eq!(found.suppressed_destination.reason, "COMPLAINT");
    objects.put("files/gone.json", "{\"emailAddress\":\"c@d.com\"}\n");
    done(&cloud, job("gone.json", "JSON", to_list("DELETE"))).await;
    let listed = cloud.ok::<ListSuppressedDestinations>(Default::default()).await.suppressed_destination_summaries.unwrap();
    assert_eq!(listed.iter().map(|one| one.email_address.as_str()).collect::<Vec<_>>(), ["a@b.com"]);
    let kind = Some("CONTACT_LIST".to_owned());
    assert!(
        cloud
            .ok::<ListImportJobs>(ListImportJobsRequest { import_destination_type: kind, ..Default::default() })
            .await
            .import_jobs
            .unwrap()
            .is_empty()
    );
    assert_eq!(cloud.ok::<ListImportJobs>(Default::default()).await.import_jobs.unwrap().len(), 2);
}

#[tokio::test]
async fn contacts_are_imported_with_what_they_want() {
    let (cloud, objects) = cloud();
    assert_eq!(cloud.expect_fault::<CreateImportJob>(job("c.csv", "CSV", to_contacts("PUT"))).await.code(), "BadRequestException");
    let topic = Topic { topic_name: "news".into(), display_name: "News".into(), default_subscription_status: "OPT_IN".into(), description: None };
    let list = CreateContactListRequest { contact_list_name: "list".into(), topics: Some(vec![topic]), ..Default::default() };
    cloud.ok::<CreateContactList>(list).await;
    objects.put("files/c.csv", "emailAddress,unsubscribeAll,attributesData,topicPreferences.news\na@b.com,false,,OPT_OUT\nc@d.com,true,,\n");
    let shown = done(&cloud, job("c.csv", "CSV", to_contacts("PUT"))).await;
    assert_eq!((shown.processed_records_count, shown.failed_records_count), (Some(2), Some(0)));
    let get = |address: &str| GetContactRequest { contact_list_name: "list".into(), email_address: address.into() };
    let found = cloud.ok::<GetContact>(get("a@b.com")).await;
    assert_eq!(found.topic_preferences.unwrap()[0].subscription_status, "OPT_OUT");
    assert_eq!(cloud.ok::<GetContact>(get("c@d.com")).await.unsubscribe_all, Some(true));
    done(&cloud, job("c.csv", "CSV", to_contacts("DELETE"))).await;
    assert_eq!(cloud.expect_fault::<GetContact>(get("a@b.com")).await.code(), "NotFoundException");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_fails_the_job() {
    let (cloud, _) = cloud();
    let shown = done(&cloud, job("none.csv", "CSV", to_list("PUT"))).await;
    assert_eq!(shown.job_status.as_deref(), Some("FAILED"));
    assert_eq!(shown.failure_info.unwrap().error_message.as_deref(), Some("The specified key does not exist."));
    let nothing = ImportDestination { suppression_list_destination: None, contact_list_destination: None };
    assert_eq!(cloud.expect_fault::<CreateImportJob>(job("x", "CSV", nothing)).await.code(), "BadRequestException");
    assert_eq!(cloud.expect_fault::<GetImportJob>(GetImportJobRequest { job_id: "none".into() }).await.code(), "NotFoundException");
}
