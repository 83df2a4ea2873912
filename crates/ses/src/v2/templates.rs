//! Templates.

use super::tags;
use crate::{Ses, access, refusal::Refusal, state::State, templates::Parts};
use cloudlet_api_sesv2::*;
use cloudlet_engine::{Cx, Operation, Permission, handler, paging::Paging};

const PAGE: usize = 10;

fn permission<O: Operation>(cx: &Cx, name: &str) -> Permission {
    access::resource::<O>(cx, &format!("template/{name}"))
}

pub fn parts(content: EmailTemplateContent) -> Parts {
    Parts { subject: content.subject, text: content.text, html: content.html }
}

handler!(
    Ses,
    CreateEmailTemplate,
    |ses, cx, input| Ok(tags::requested(permission::<CreateEmailTemplate>(cx, &input.template_name), input.tags.as_deref())),
    |ses, cx, input| {
        let given = tags::checked(input.tags.as_deref().unwrap_or_default())?;
        ses.create_template(cx, &input.template_name, parts(input.template_content), given).map_err(Refusal::v2)?;
        Ok(CreateEmailTemplateResponse {})
    },
);

handler!(Ses, UpdateEmailTemplate, |ses, cx, input| Ok(permission::<UpdateEmailTemplate>(cx, &input.template_name).into()), |ses, cx, input| {
    ses.update_template(cx, &input.template_name, parts(input.template_content)).map_err(Refusal::v2)?;
    Ok(UpdateEmailTemplateResponse {})
},);

handler!(Ses, GetEmailTemplate, |ses, cx, input| Ok(permission::<GetEmailTemplate>(cx, &input.template_name).into()), |ses, cx, input| {
    let found = ses.template(&cx.scope, &input.template_name).map_err(Refusal::v2)?;
    Ok(GetEmailTemplateResponse {
        template_name: input.template_name,
        template_content: EmailTemplateContent { subject: found.subject.clone(), text: found.text.clone(), html: found.html.clone() },
        tags: Some(tags::shown(&found.tags)),
    })
},);

handler!(Ses, ListEmailTemplates, |ses, cx, input| Ok(access::any::<ListEmailTemplates>(cx).into()), |ses, cx, input| {
    let list = Paging::of::<ListEmailTemplates>(cx, &input);
    let page = ses.store.read(|state| {
        list.page(list.length(PAGE, 100), |after| {
            State::rows(&state.templates, &cx.scope, after).map(|(name, row)| {
                let shown = EmailTemplateMetadata { template_name: Some(name.to_owned()), created_timestamp: Some(row.created) };
                (name.to_owned(), shown)
            })
        })
    });
    let page = page.map_err(|_| super::invalid_token())?;
    Ok(ListEmailTemplatesResponse { templates_metadata: Some(page.items), next_token: page.next_token })
});

handler!(Ses, DeleteEmailTemplate, |ses, cx, input| Ok(permission::<DeleteEmailTemplate>(cx, &input.template_name).into()), |ses, cx, input| {
    ses.delete_template(cx, &input.template_name);
    Ok(DeleteEmailTemplateResponse {})
},);

handler!(
    Ses,
    TestRenderEmailTemplate,
    |ses, cx, input| Ok(permission::<TestRenderEmailTemplate>(cx, &input.template_name).into()),
    |ses, cx, input| {
        let rendered_template = ses.test_render(cx, &input.template_name, &input.template_data).map_err(Refusal::v2)?;
        Ok(TestRenderEmailTemplateResponse { rendered_template })
    },
);
