//! Mails of one's own that ask people to verify their address.

use crate::{
    Ses, access,
    refusal::Refusal,
    state::{State, VerificationTemplate},
};
use cloudlet_api_ses::*;
use cloudlet_engine::{handler, paging::Paging};
use cloudlet_shape::Empty;

handler!(
    Ses,
    CreateCustomVerificationEmailTemplate,
    |ses, cx, input| Ok(access::any::<CreateCustomVerificationEmailTemplate>(cx).into()),
    |ses, cx, input| {
        let template = VerificationTemplate {
            from: input.from_email_address,
            subject: input.template_subject,
            content: input.template_content,
            success: input.success_redirection_url,
            failure: input.failure_redirection_url,
            tags: cloudlet_shape::Map::new(),
        };
        ses.create_verification_template(cx, &input.template_name, template).map_err(Refusal::v1)?;
        Ok(Empty {})
    },
);

handler!(
    Ses,
    UpdateCustomVerificationEmailTemplate,
    |ses, cx, input| Ok(access::any::<UpdateCustomVerificationEmailTemplate>(cx).into()),
    |ses, cx, input| {
        let change = |template: &mut VerificationTemplate| {
            if let Some(given) = input.from_email_address {
                template.from = given;
            }
            if let Some(given) = input.template_subject {
                template.subject = given;
            }
            if let Some(given) = input.template_content {
                template.content = given;
            }
            if let Some(given) = input.success_redirection_url {
                template.success = given;
            }
            if let Some(given) = input.failure_redirection_url {
                template.failure = given;
            }
        };
        ses.update_verification_template(cx, &input.template_name, change).map_err(Refusal::v1)?;
        Ok(Empty {})
    },
);

handler!(
    Ses,
    GetCustomVerificationEmailTemplate,
    |ses, cx, input| Ok(access::any::<GetCustomVerificationEmailTemplate>(cx).into()),
    |ses, cx, input| {
        let found = ses.verification_template(cx, &input.template_name).map_err(Refusal::v1)?;
        Ok(GetCustomVerificationEmailTemplateResponse {
            template_name: Some(input.template_name),
            from_email_address: Some(found.from.clone()),
            template_subject: Some(found.subject.clone()),
            template_content: Some(found.content.clone()),
            success_redirection_url: Some(found.success.clone()),
            failure_redirection_url: Some(found.failure.clone()),
        })
    },
);

handler!(
    Ses,
    ListCustomVerificationEmailTemplates,
    |ses, cx, input| Ok(access::any::<ListCustomVerificationEmailTemplates>(cx).into()),
    |ses, cx, input| {
        let list = Paging::of::<ListCustomVerificationEmailTemplates>(cx, &input);
        let page = ses.store.read(|state| {
            list.page(list.length(50, 50), |after| {
                State::rows(&state.verification_templates, &cx.scope, after).map(|(name, row)| {
                    let shown = CustomVerificationEmailTemplate {
                        template_name: Some(name.to_owned()),
                        from_email_address: Some(row.from.clone()),
                        template_subject: Some(row.subject.clone()),
                        success_redirection_url: Some(row.success.clone()),
                        failure_redirection_url: Some(row.failure.clone()),
                    };
                    (name.to_owned(), shown)
                })
            })
        });
        let page = page.map_err(|_| super::invalid_token())?;
        Ok(ListCustomVerificationEmailTemplatesResponse { custom_verification_email_templates: Some(page.items), next_token: page.next_token })
    },
);

// AWS: to delete a template that does not exist is no error.
handler!(
    Ses,
    DeleteCustomVerificationEmailTemplate,
    |ses, cx, input| Ok(access::any::<DeleteCustomVerificationEmailTemplate>(cx).into()),
    |ses, cx, input| {
        ses.delete_verification_template(cx, &input.template_name);
        Ok(Empty {})
    },
);

handler!(Ses, SendCustomVerificationEmail, |ses, cx, input| Ok(access::any::<SendCustomVerificationEmail>(cx).into()), |ses, cx, input| {
    let sent = ses.send_verification_template(cx, &input.email_address, &input.template_name, input.configuration_set_name).await;
    Ok(SendCustomVerificationEmailResponse { message_id: Some(sent.map_err(Refusal::v1)?) })
},);
