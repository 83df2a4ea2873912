//! SMS: attributes, opted-out numbers, the sandbox, and text messages, which go into the mailbox.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-mobile-phone-number-as-subscriber.html>

use crate::{
    Sns,
    access::{self, PRINCIPAL},
    faults, limits,
    messages::PublishEntry,
    pages, phones,
    state::{Delivery, Message, PhoneKey, Protocol, SandboxNumber, Subscription, Topic},
};
use cloudlet_api_s3::{HeadBucket, HeadBucketRequest};
use cloudlet_api_sns::{
    CheckIfPhoneNumberIsOptedOut, CheckIfPhoneNumberIsOptedOutInput, CheckIfPhoneNumberIsOptedOutResponse, CreateSMSSandboxPhoneNumber,
    CreateSMSSandboxPhoneNumberInput, CreateSMSSandboxPhoneNumberResult, DeleteSMSSandboxPhoneNumber, DeleteSMSSandboxPhoneNumberInput,
    DeleteSMSSandboxPhoneNumberResult, GetSMSAttributes, GetSMSAttributesInput, GetSMSAttributesResponse, GetSMSSandboxAccountStatus,
    GetSMSSandboxAccountStatusInput, GetSMSSandboxAccountStatusResult, ListOriginationNumbers, ListOriginationNumbersRequest,
    ListOriginationNumbersResult, ListPhoneNumbersOptedOut, ListPhoneNumbersOptedOutInput, ListPhoneNumbersOptedOutResponse,
    ListSMSSandboxPhoneNumbers, ListSMSSandboxPhoneNumbersInput, ListSMSSandboxPhoneNumbersResult, OptInPhoneNumber, OptInPhoneNumberInput,
    OptInPhoneNumberResponse, SMSSandboxPhoneNumber, SetSMSAttributes, SetSMSAttributesInput, SetSMSAttributesResponse, VerifySMSSandboxPhoneNumber,
    VerifySMSSandboxPhoneNumberInput, VerifySMSSandboxPhoneNumberResult,
};
use cloudlet_aws::{Arn, Caller, Fault};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_mailbox::{Channel, Mail};
use cloudlet_shape::Map;
use cloudlet_store::Secret;
use std::ops::Bound;

/// The bucket for the daily reports.
const REPORTS: &str = "UsageReportS3Bucket";
const NAMES: [&str; 6] =
    ["MonthlySpendLimit", "DeliveryStatusIAMRole", "DeliveryStatusSuccessSamplingRate", "DefaultSenderID", "DefaultSMSType", REPORTS];

fn check_attribute(name: &str, value: &str) -> Result<(), Fault> {
    let refused = |message: String| Err(faults::INVALID_PARAMETER.says(message));
    if !NAMES.contains(&name) {
        return refused(format!("{name} is not a valid attribute"));
    }
    let is_valid = match name {
        "DefaultSMSType" => matches!(value, "Promotional" | "Transactional"),
        "MonthlySpendLimit" => value.parse::<u32>().is_ok(),
        "DeliveryStatusSuccessSamplingRate" => value.parse::<u32>().is_ok_and(|rate| rate <= 100),
        "DefaultSenderID" => {
            value.is_empty()
                || (value.len() <= 11
                    && value.bytes().all(|byte| byte.is_ascii_alphanumeric())
                    && value.bytes().any(|byte| byte.is_ascii_alphabetic()))
        }
        "DeliveryStatusIAMRole" => value.is_empty() || Arn::parse(value).is_some_and(|arn| arn.service() == "iam"),
        _ => true,
    };
    match name {
        _ if is_valid => Ok(()),
        // AWS: in the tests of module-ballerinax-aws.sns, which run against it.
        "DeliveryStatusSuccessSamplingRate" => refused(format!("{name} is not an integer between 0-100")),
        _ => refused(format!("{name} is invalid")),
    }
}

/// Whether the bucket exists. S3 tells even if SNS has no access to it.
async fn check_bucket(cx: &Cx, bucket: &str) -> Result<(), Fault> {
    let input = HeadBucketRequest { bucket: bucket.to_owned(), ..HeadBucketRequest::default() };
    match cx.call::<HeadBucket>(Caller::service(PRINCIPAL, None), cx.scope.clone(), input).await {
        // AWS: in the tests of module-ballerinax-aws.sns, which run against it.
        Err(fault) if matches!(fault.status(), 400 | 404) => Err(faults::reason(REPORTS, "The bucket you provided does not exist")),
        _ => Ok(()),
    }
}

fn key(cx: &Cx, number: &str) -> PhoneKey {
    (cx.scope.account, cx.scope.region.clone(), number.to_owned())
}

fn is_of(cx: &Cx, (account, region, _): &PhoneKey) -> bool {
    *account == cx.scope.account && *region == cx.scope.region
}

/// AWS: recorded; for CheckIfPhoneNumberIsOptedOut in the tests of module-ballerinax-aws.sns, which run against it.
fn check_number(number: &str) -> Result<String, Fault> {
    if phones::is_e164(number) { Ok(phones::plain(number)) } else { Err(faults::reason("PhoneNumber", "input incorrectly formatted")) }
}

impl Sns {
    fn is_opted_out(&self, cx: &Cx, number: &str) -> bool {
        self.store.read(|state| state.opted_out_numbers.contains(&key(cx, number)))
    }

    /// The sender that a text message shows.
    fn sender(&self, cx: &Cx, message: &Message) -> String {
        let given = message.attributes.get("AWS.SNS.SMS.SenderID").and_then(|attribute| attribute.value.text().map(str::to_owned));
        let default = || {
            let scope = (cx.scope.account, cx.scope.region.clone());
            self.store.read(|state| state.sms_attributes.get(&scope)?.get("DefaultSenderID").cloned())
        };
        given.or_else(default).filter(|sender| !sender.is_empty()).unwrap_or_else(|| "NOTICE".to_owned())
    }
}

/// The delivery of a message to a subscribed phone; none to a number that opted out.
pub fn delivery(sns: &Sns, cx: &Cx, topic: &Topic, message: &Message, to: &Subscription) -> Option<Delivery> {
    if sns.is_opted_out(cx, &phones::plain(&to.endpoint)) {
        return None;
    }
    // AWS: the topic's display name precedes the text.
    let prefix = if topic.display_name.is_empty() { String::new() } else { format!("{}> ", topic.display_name) };
    let body = format!("{prefix}{}", message.content.text(Protocol::Sms.name()));
    Some(Delivery { sender: sns.sender(cx, message), ..Delivery::of_message(topic, message, to, body) })
}

/// Publish to a phone, without a topic.
pub fn publish(sns: &Sns, cx: &Cx, number: &str, entry: PublishEntry) -> Result<String, Fault> {
    if entry.message.len() > limits::SMS {
        return Err(faults::invalid("Message too long"));
    }
    let message = entry.into_message(cx, None)?;
    let id = message.id.to_string();
    // AWS: a number that opted out receives nothing, and the call succeeds.
    if sns.is_opted_out(cx, number) {
        return Ok(id);
    }
    let fields = message.attributes.iter().filter_map(|(name, attribute)| Some((name.clone(), attribute.value.text()?.to_owned())));
    let fields = std::iter::once(("MessageId".to_owned(), id.clone())).chain(fields).collect();
    sns.mailbox.put(Mail {
        from: sns.sender(cx, &message),
        to: vec![number.to_owned()],
        body: message.content.text(Protocol::Sms.name()).to_owned(),
        fields,
        ..Mail::new(cx.now, Channel::Sms, "sns")
    });
    Ok(id)
}

impl Handle<SetSMSAttributes> for Sns {
    fn permissions(&self, cx: &Cx, _: &SetSMSAttributesInput) -> Result<Permissions, Fault> {
        access::anything(cx, "SNS:SetSMSAttributes")
    }

    async fn handle(&self, cx: &Cx, input: SetSMSAttributesInput) -> Result<SetSMSAttributesResponse, Fault> {
        input.attributes.iter().try_for_each(|(name, value)| check_attribute(name, value))?;
        if let Some(bucket) = input.attributes.get(REPORTS).filter(|bucket| !bucket.is_empty()) {
            check_bucket(cx, bucket).await?;
        }
        self.store.update(|state| {
            let all = state.sms_attributes.get_or_insert_with((cx.scope.account, cx.scope.region.clone()), Map::new);
            all.extend(input.attributes);
        });
        Ok(SetSMSAttributesResponse {})
    }
}

impl Handle<GetSMSAttributes> for Sns {
    fn permissions(&self, cx: &Cx, _: &GetSMSAttributesInput) -> Result<Permissions, Fault> {
        access::anything(cx, "SNS:GetSMSAttributes")
    }

    async fn handle(&self, cx: &Cx, input: GetSMSAttributesInput) -> Result<GetSMSAttributesResponse, Fault> {
        let scope = (cx.scope.account, cx.scope.region.clone());
        let set = self.store.read(|state| state.sms_attributes.get(&scope).cloned()).unwrap_or_default();
        // AWS: the limit is one dollar until another is set. https://docs.aws.amazon.com/sns/latest/dg/channels-sms-awssupport-spend-threshold.html
        let mut all: Map<String> = [("MonthlySpendLimit".to_owned(), "1".to_owned())].into();
        all.extend(set);
        if let Some(wanted) = input.attributes.filter(|wanted| !wanted.is_empty()) {
            all.retain(|name, _| wanted.contains(name));
        }
        Ok(GetSMSAttributesResponse { attributes: Some(all) })
    }
}

impl Handle<CheckIfPhoneNumberIsOptedOut> for Sns {
    fn permissions(&self, cx: &Cx, _: &CheckIfPhoneNumberIsOptedOutInput) -> Result<Permissions, Fault> {
        access::anything(cx, "SNS:CheckIfPhoneNumberIsOptedOut")
    }

    async fn handle(&self, cx: &Cx, input: CheckIfPhoneNumberIsOptedOutInput) -> Result<CheckIfPhoneNumberIsOptedOutResponse, Fault> {
        let number = check_number(&input.phone_number)?;
        Ok(CheckIfPhoneNumberIsOptedOutResponse { is_opted_out: Some(self.is_opted_out(cx, &number)) })
    }
}

impl Handle<ListPhoneNumbersOptedOut> for Sns {
    fn permissions(&self, cx: &Cx, _: &ListPhoneNumbersOptedOutInput) -> Result<Permissions, Fault> {
        access::anything(cx, "SNS:ListPhoneNumbersOptedOut")
    }

    async fn handle(&self, cx: &Cx, input: ListPhoneNumbersOptedOutInput) -> Result<ListPhoneNumbersOptedOutResponse, Fault> {
        let page = self.store.read(|state| {
            pages::page::<ListPhoneNumbersOptedOut, _, _, _>(cx, &input, limits::PAGE, |after: Option<String>| {
                let from = Bound::Excluded(key(cx, &after.unwrap_or_default()));
                let mine = state.opted_out_numbers.range((from, Bound::Unbounded)).take_while(|(key, _)| is_of(cx, key));
                mine.map(|((_, _, number), _)| (number.clone(), number.clone()))
            })
        })?;
        Ok(ListPhoneNumbersOptedOutResponse { phone_numbers: Some(page.items), next_token: page.next_token })
    }
}

impl Handle<OptInPhoneNumber> for Sns {
    fn permissions(&self, cx: &Cx, _: &OptInPhoneNumberInput) -> Result<Permissions, Fault> {
        access::anything(cx, "SNS:OptInPhoneNumber")
    }

    async fn handle(&self, cx: &Cx, input: OptInPhoneNumberInput) -> Result<OptInPhoneNumberResponse, Fault> {
        let number = check_number(&input.phone_number)?;
        self.store.update(|state| state.opted_out_numbers.remove(&key(cx, &number)));
        Ok(OptInPhoneNumberResponse {})
    }
}

impl Handle<ListOriginationNumbers> for Sns {
    fn permissions(&self, cx: &Cx, _: &ListOriginationNumbersRequest) -> Result<Permissions, Fault> {
        access::anything(cx, "SNS:ListOriginationNumbers")
    }

    /// Origination numbers are leased from AWS End User Messaging; there are none here.
    async fn handle(&self, _: &Cx, _: ListOriginationNumbersRequest) -> Result<ListOriginationNumbersResult, Fault> {
        Ok(ListOriginationNumbersResult { phone_numbers: Some(vec![]), next_token: None })
    }
}

impl Handle<GetSMSSandboxAccountStatus> for Sns {
    fn permissions(&self, cx: &Cx, _: &GetSMSSandboxAccountStatusInput) -> Result<Permissions, Fault> {
        access::anything(cx, "SNS:GetSMSSandboxAccountStatus")
    }

    async fn handle(&self, _: &Cx, _: GetSMSSandboxAccountStatusInput) -> Result<GetSMSSandboxAccountStatusResult, Fault> {
        Ok(GetSMSSandboxAccountStatusResult { is_in_sandbox: true })
    }
}

impl Handle<CreateSMSSandboxPhoneNumber> for Sns {
    fn permissions(&self, cx: &Cx, _: &CreateSMSSandboxPhoneNumberInput) -> Result<Permissions, Fault> {
        access::anything(cx, "SNS:CreateSMSSandboxPhoneNumber")
    }

    /// AWS: sends a code of six digits.
    async fn handle(&self, cx: &Cx, input: CreateSMSSandboxPhoneNumberInput) -> Result<CreateSMSSandboxPhoneNumberResult, Fault> {
        let code = format!("{:06}", cx.ids().number() % 1_000_000);
        self.store.write(|state| {
            if state.opted_out_numbers.contains(&key(cx, &input.phone_number)) {
                return Err(faults::OPTED_OUT.says("The phone number has opted out."));
            }
            let mine = |(account, region, _): &PhoneKey| *account == cx.scope.account && *region == cx.scope.region;
            if state.sandbox_numbers.keys().filter(|key| mine(key)).count() >= limits::SANDBOX_NUMBERS
                && !state.sandbox_numbers.contains(&key(cx, &input.phone_number))
            {
                // AWS: unverified message.
                return Err(faults::USER_ERROR.says("The maximum number of destination phone numbers has been reached."));
            }
            state
                .sandbox_numbers
                .insert(key(cx, &input.phone_number), SandboxNumber { verified: false, one_time_password: Secret::new(code.as_str()) });
            Ok(())
        })?;
        self.mailbox.put(Mail {
            from: "NOTICE".to_owned(),
            to: vec![input.phone_number],
            body: format!("Your Amazon SNS verification code is {code}"),
            ..Mail::new(cx.now, Channel::Sms, "sns")
        });
        Ok(CreateSMSSandboxPhoneNumberResult {})
    }
}

fn no_number() -> Fault {
    // AWS: unverified message.
    faults::RESOURCE_NOT_FOUND.says("The phone number does not exist.")
}

impl Handle<VerifySMSSandboxPhoneNumber> for Sns {
    fn permissions(&self, cx: &Cx, _: &VerifySMSSandboxPhoneNumberInput) -> Result<Permissions, Fault> {
        access::anything(cx, "SNS:VerifySMSSandboxPhoneNumber")
    }

    async fn handle(&self, cx: &Cx, input: VerifySMSSandboxPhoneNumberInput) -> Result<VerifySMSSandboxPhoneNumberResult, Fault> {
        self.store.write(|state| {
            let number = state.sandbox_numbers.get_mut(&key(cx, &input.phone_number)).ok_or_else(no_number)?;
            if !number.one_time_password.is(&input.one_time_password) {
                // AWS: unverified message.
                return Err(faults::VERIFICATION.says("The one-time password is invalid."));
            }
            number.verified = true;
            Ok(())
        })?;
        Ok(VerifySMSSandboxPhoneNumberResult {})
    }
}

impl Handle<DeleteSMSSandboxPhoneNumber> for Sns {
    fn permissions(&self, cx: &Cx, _: &DeleteSMSSandboxPhoneNumberInput) -> Result<Permissions, Fault> {
        access::anything(cx, "SNS:DeleteSMSSandboxPhoneNumber")
    }

    async fn handle(&self, cx: &Cx, input: DeleteSMSSandboxPhoneNumberInput) -> Result<DeleteSMSSandboxPhoneNumberResult, Fault> {
        self.store.write(|state| state.sandbox_numbers.remove(&key(cx, &input.phone_number)).ok_or_else(no_number))?;
        Ok(DeleteSMSSandboxPhoneNumberResult {})
    }
}

impl Handle<ListSMSSandboxPhoneNumbers> for Sns {
    fn permissions(&self, cx: &Cx, _: &ListSMSSandboxPhoneNumbersInput) -> Result<Permissions, Fault> {
        access::anything(cx, "SNS:ListSMSSandboxPhoneNumbers")
    }

    async fn handle(&self, cx: &Cx, input: ListSMSSandboxPhoneNumbersInput) -> Result<ListSMSSandboxPhoneNumbersResult, Fault> {
        let most = input.max_results.and_then(|most| usize::try_from(most).ok()).unwrap_or(limits::PAGE).clamp(1, limits::PAGE);
        let shown = |number: &str, verified: bool| SMSSandboxPhoneNumber {
            phone_number: Some(number.to_owned()),
            status: Some(if verified { "Verified" } else { "Pending" }.to_owned()),
        };
        let page = self.store.read(|state| {
            pages::page::<ListSMSSandboxPhoneNumbers, _, _, _>(cx, &input, most, |after: Option<String>| {
                let from = Bound::Excluded(key(cx, &after.unwrap_or_default()));
                let mine = state.sandbox_numbers.range((from, Bound::Unbounded)).take_while(|(key, _)| is_of(cx, key));
                mine.map(|((_, _, number), row)| (number.clone(), shown(number, row.verified)))
            })
        })?;
        Ok(ListSMSSandboxPhoneNumbersResult { phone_numbers: page.items, next_token: page.next_token })
    }
}
