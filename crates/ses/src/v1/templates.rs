//! Templates.

use crate::{
    access, state,
    templates::{self, Parts},
};
use cloudlet_api_ses::*;
use cloudlet_shape::Map;
use std::sync::Arc;

fn parts(template: &Template) -> Parts {
    Parts { subject: template.subject_part.clone(), text: template.text_part.clone(), html: template.html_part.clone() }
}

operation!(CreateTemplate, |ses, cx, input| Ok(access::any::<CreateTemplate>(cx).into()), |ses, cx, input| {
    ses.create_template(cx, &input.template.template_name, parts(&input.template), Map::new())?;
    Ok(CreateTemplateResponse {})
});

operation!(UpdateTemplate, |ses, cx, input| Ok(access::any::<UpdateTemplate>(cx).into()), |ses, cx, input| {
    ses.update_template(cx, &input.template.template_name, parts(&input.template))?;
    Ok(UpdateTemplateResponse {})
});

operation!(GetTemplate, |ses, cx, input| Ok(access::any::<GetTemplate>(cx).into()), |ses, cx, input| {
    let found = ses.template(&cx.scope, &input.template_name)?;
    Ok(GetTemplateResponse {
        template: Some(Template {
            template_name: input.template_name,
            subject_part: found.subject.clone(),
            text_part: found.text.clone(),
            html_part: found.html.clone(),
        }),
    })
});

operation!(ListTemplates, |ses, cx, input| Ok(access::any::<ListTemplates>(cx).into()), |ses, cx, input| {
    let shown = |name: &str, row: &Arc<state::Template>| Some(TemplateMetadata { name: Some(name.to_owned()), created_timestamp: Some(row.created) });
    let page = ses.list::<ListTemplates, _, _>(cx, &input, templates::PAGE, |state| &state.templates, shown)?;
    Ok(ListTemplatesResponse { templates_metadata: Some(page.items), next_token: page.next_token })
});

operation!(DeleteTemplate, |ses, cx, input| Ok(access::any::<DeleteTemplate>(cx).into()), |ses, cx, input| {
    // AWS: to delete one that does not exist is no error in this API: its reference has none.
    let _ = ses.delete_template(cx, &input.template_name);
    Ok(DeleteTemplateResponse {})
});

operation!(TestRenderTemplate, |ses, cx, input| Ok(access::any::<TestRenderTemplate>(cx).into()), |ses, cx, input| {
    let rendered = ses.test_render(cx, &input.template_name, &input.template_data)?;
    Ok(TestRenderTemplateResponse { rendered_template: Some(rendered) })
});
