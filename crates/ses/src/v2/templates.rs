//! Templates.

use super::tags;
use crate::{
    access, state,
    templates::{self, Parts},
};
use cloudlet_api_sesv2::*;
use cloudlet_engine::{Cx, Operation, Permission};
use std::sync::Arc;

fn permission<O: Operation>(cx: &Cx, name: &str) -> Permission {
    access::resource::<O>(cx, &format!("template/{name}"))
}

pub fn parts(content: EmailTemplateContent) -> Parts {
    Parts { subject: content.subject, text: content.text, html: content.html }
}

operation!(
    CreateEmailTemplate,
    |ses, cx, input| Ok(tags::requested(permission::<CreateEmailTemplate>(cx, &input.template_name), input.tags.as_deref())),
    |ses, cx, input| {
        let given = tags::checked(input.tags.as_deref().unwrap_or_default())?;
        ses.create_template(cx, &input.template_name, parts(input.template_content), given)?;
        Ok(CreateEmailTemplateResponse {})
    },
);

operation!(UpdateEmailTemplate, |ses, cx, input| Ok(permission::<UpdateEmailTemplate>(cx, &input.template_name).into()), |ses, cx, input| {
    ses.update_template(cx, &input.template_name, parts(input.template_content))?;
    Ok(UpdateEmailTemplateResponse {})
},);

operation!(GetEmailTemplate, |ses, cx, input| Ok(permission::<GetEmailTemplate>(cx, &input.template_name).into()), |ses, cx, input| {
    let found = ses.template(&cx.scope, &input.template_name)?;
    Ok(GetEmailTemplateResponse {
        template_name: input.template_name,
        template_content: EmailTemplateContent { subject: found.subject.clone(), text: found.text.clone(), html: found.html.clone() },
        tags: Some(tags::shown(&found.tags)),
    })
},);

operation!(ListEmailTemplates, |ses, cx, input| Ok(access::any::<ListEmailTemplates>(cx).into()), |ses, cx, input| {
    let shown = |name: &str, row: &Arc<state::Template>| {
        Some(EmailTemplateMetadata { template_name: Some(name.to_owned()), created_timestamp: Some(row.created) })
    };
    let page = ses.list::<ListEmailTemplates, _, _>(cx, &input, templates::PAGE, |state| &state.templates, shown)?;
    Ok(ListEmailTemplatesResponse { templates_metadata: Some(page.items), next_token: page.next_token })
});

operation!(DeleteEmailTemplate, |ses, cx, input| Ok(permission::<DeleteEmailTemplate>(cx, &input.template_name).into()), |ses, cx, input| {
    ses.delete_template(cx, &input.template_name)?;
    Ok(DeleteEmailTemplateResponse {})
},);

operation!(TestRenderEmailTemplate, |ses, cx, input| Ok(permission::<TestRenderEmailTemplate>(cx, &input.template_name).into()), |ses, cx, input| {
    let rendered_template = ses.test_render(cx, &input.template_name, &input.template_data)?;
    Ok(TestRenderEmailTemplateResponse { rendered_template })
},);
