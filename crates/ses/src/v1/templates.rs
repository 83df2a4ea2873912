//! Templates.

use crate::{Ses, access, refusal::Refusal, state::State, templates::Parts};
use cloudlet_api_ses::*;
use cloudlet_engine::{handler, paging::Paging};
use cloudlet_shape::Map;

const PAGE: usize = 10;

fn parts(template: &Template) -> Parts {
    Parts { subject: template.subject_part.clone(), text: template.text_part.clone(), html: template.html_part.clone() }
}

handler!(Ses, CreateTemplate, |ses, cx, input| Ok(access::any::<CreateTemplate>(cx).into()), |ses, cx, input| {
    ses.create_template(cx, &input.template.template_name, parts(&input.template), Map::new()).map_err(Refusal::v1)?;
    Ok(CreateTemplateResponse {})
});

handler!(Ses, UpdateTemplate, |ses, cx, input| Ok(access::any::<UpdateTemplate>(cx).into()), |ses, cx, input| {
    ses.update_template(cx, &input.template.template_name, parts(&input.template)).map_err(Refusal::v1)?;
    Ok(UpdateTemplateResponse {})
});

handler!(Ses, GetTemplate, |ses, cx, input| Ok(access::any::<GetTemplate>(cx).into()), |ses, cx, input| {
    let found = ses.template(&cx.scope, &input.template_name).map_err(Refusal::v1)?;
    Ok(GetTemplateResponse {
        template: Some(Template {
            template_name: input.template_name,
            subject_part: found.subject.clone(),
            text_part: found.text.clone(),
            html_part: found.html.clone(),
        }),
    })
});

handler!(Ses, ListTemplates, |ses, cx, input| Ok(access::any::<ListTemplates>(cx).into()), |ses, cx, input| {
    let list = Paging::of::<ListTemplates>(cx, &input);
    let page = ses.store.read(|state| {
        list.page(list.length(PAGE, 100), |after| {
            State::rows(&state.templates, &cx.scope, after)
                .map(|(name, row)| (name.to_owned(), TemplateMetadata { name: Some(name.to_owned()), created_timestamp: Some(row.created) }))
        })
    });
    let page = page.map_err(|_| super::invalid_token())?;
    Ok(ListTemplatesResponse { templates_metadata: Some(page.items), next_token: page.next_token })
});

handler!(Ses, DeleteTemplate, |ses, cx, input| Ok(access::any::<DeleteTemplate>(cx).into()), |ses, cx, input| {
    ses.delete_template(cx, &input.template_name);
    Ok(DeleteTemplateResponse {})
});

handler!(Ses, TestRenderTemplate, |ses, cx, input| Ok(access::any::<TestRenderTemplate>(cx).into()), |ses, cx, input| {
    let rendered = ses.test_render(cx, &input.template_name, &input.template_data).map_err(Refusal::v1)?;
    Ok(TestRenderTemplateResponse { rendered_template: Some(rendered) })
});
