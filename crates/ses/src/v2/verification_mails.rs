//! Mails of one's own that ask people to verify their address.

use crate::{access, state::VerificationTemplate, verification_mails::verification_mails};
use cloudlet_api_sesv2::*;

operation!(
    CreateCustomVerificationEmailTemplate,
    |ses, cx, input| Ok(access::any::<CreateCustomVerificationEmailTemplate>(cx).into()),
    |ses, cx, input| {
        let template = VerificationTemplate {
            from: input.from_email_address,
            subject: input.template_subject,
            content: input.template_content,
            success: input.success_redirection_url,
            failure: input.failure_redirection_url,
            tags: super::tags::checked(input.tags.as_deref().unwrap_or_default())?,
        };
        ses.create_verification_template(cx, &input.template_name, template)?;
        Ok(CreateCustomVerificationEmailTemplateResponse {})
    },
);

operation!(
    UpdateCustomVerificationEmailTemplate,
    |ses, cx, input| Ok(access::any::<UpdateCustomVerificationEmailTemplate>(cx).into()),
    |ses, cx, input| {
        let change = |template: &mut VerificationTemplate| {
            template.from = input.from_email_address;
            template.subject = input.template_subject;
            template.content = input.template_content;
            template.success = input.success_redirection_url;
            template.failure = input.failure_redirection_url;
        };
        ses.update_verification_template(cx, &input.template_name, change)?;
        Ok(UpdateCustomVerificationEmailTemplateResponse {})
    },
);

operation!(
    GetCustomVerificationEmailTemplate,
    |ses, cx, input| Ok(access::any::<GetCustomVerificationEmailTemplate>(cx).into()),
    |ses, cx, input| {
        let found = ses.verification_template(cx, &input.template_name)?;
        Ok(GetCustomVerificationEmailTemplateResponse {
            template_name: Some(input.template_name),
            from_email_address: Some(found.from.clone()),
            template_subject: Some(found.subject.clone()),
            template_content: Some(found.content.clone()),
            success_redirection_url: Some(found.success.clone()),
            failure_redirection_url: Some(found.failure.clone()),
            tags: Some(super::tags::shown(&found.tags)),
        })
    },
);

verification_mails!(CustomVerificationEmailTemplateMetadata, DeleteCustomVerificationEmailTemplateResponse {});
