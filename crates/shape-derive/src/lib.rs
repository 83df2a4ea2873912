//! `#[derive(Shape)]`: a plain struct becomes a shape.
//!
//! On the struct: `#[shape(union, event, name = "…", xmlns = "…", xmlns_prefix = "…")]`. On a field, in any order:
//! `name`, `wire`, `query` (text), `of` (path of a const `Target`), `at` (header, prefix_headers, query, query_params, uri, status),
//! and the flags `required`, `flattened`, `attribute`, `payload`, `sensitive`, `token`, `host`, `json`, `event_header`,
//! `event_payload`, `length`. A field that is not an `Option` is required.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Error, Fields, LitStr, Path, Type, meta::ParseNestedMeta, parse_macro_input};

#[proc_macro_derive(Shape, attributes(shape))]
pub fn derive(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(Error::into_compile_error).into()
}

fn expand(input: &DeriveInput) -> Result<Tokens, Error> {
    let ty = &input.ident;
    let Data::Struct(data) = &input.data else { return Err(Error::new_spanned(ty, "Shape is for structs")) };
    let mut title = ty.to_string();
    let mut namespace = String::new();
    let mut prefix = String::new();
    let mut flags = Tokens::new();
    for attribute in input.attrs.iter().filter(|a| a.path().is_ident("shape")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                title = text(&meta)?;
            } else if meta.path.is_ident("xmlns") {
                namespace = text(&meta)?;
            } else if meta.path.is_ident("xmlns_prefix") {
                prefix = text(&meta)?;
            } else {
                let flag = flag(&meta)?;
                flags.extend(quote!(.and(::cloudlet_shape::Flags::#flag)));
            }
            Ok(())
        })?;
    }
    let mut members = Vec::new();
    let mut gets = Vec::new();
    let mut sets = Vec::new();
    let fields = match &data.fields {
        Fields::Named(fields) => fields.named.iter().collect(),
        Fields::Unit => Vec::new(),
        Fields::Unnamed(_) => return Err(Error::new_spanned(ty, "Shape is for structs with named fields")),
    };
    for (index, field) in fields.into_iter().enumerate() {
        let Some(ident) = &field.ident else { continue };
        let kind = &field.ty;
        let attributes = Attributes::of(field)?;
        let name = attributes.name.unwrap_or_else(|| pascal(&ident.to_string()));
        let wire = attributes.wire.unwrap_or_else(|| name.clone());
        let query = attributes.query.unwrap_or_default();
        let at = attributes.at.unwrap_or_else(|| format_ident!("Body"));
        let target = match attributes.of {
            Some(path) => quote!(&#path),
            None => quote!(<#kind as ::cloudlet_shape::Typed>::TARGET),
        };
        let mut flags = attributes.flags;
        if !is_option(kind) {
            flags.extend(quote!(.and(::cloudlet_shape::Flags::REQUIRED)));
        }
        members.push(quote!(::cloudlet_shape::Member {
            name: #name, wire: #wire, query: #query, at: ::cloudlet_shape::At::#at,
            flags: ::cloudlet_shape::Flags::NONE #flags, of: #target
        }));
        gets.push(quote!(#index => &self.#ident,));
        sets.push(quote!(#index => self.#ident = ::cloudlet_shape::Typed::read(reader, of)?,));
    }
    Ok(quote! {
        impl ::cloudlet_shape::Shape for #ty {
            const SCHEMA: &'static ::cloudlet_shape::Schema = &::cloudlet_shape::Schema {
                name: #title, members: &[#(#members),*], flags: ::cloudlet_shape::Flags::NONE #flags, xml_namespace: #namespace, xml_prefix: #prefix,
            };
        }
        impl ::cloudlet_shape::Struct for #ty {
            fn schema(&self) -> &'static ::cloudlet_shape::Schema { <Self as ::cloudlet_shape::Shape>::SCHEMA }
            fn get(&self, index: usize) -> &dyn ::cloudlet_shape::Value { match index { #(#gets)* _ => &false } }
            fn set(&mut self, index: usize, reader: &mut dyn ::cloudlet_shape::Reader, of: &'static ::cloudlet_shape::Target) -> ::cloudlet_shape::Read<()> {
                match index { #(#sets)* _ => {} }
                Ok(())
            }
        }
        impl ::cloudlet_shape::Typed for #ty {
            const TARGET: &'static ::cloudlet_shape::Target = &::cloudlet_shape::Target::STRUCTURE;
            fn read(reader: &mut dyn ::cloudlet_shape::Reader, _: &'static ::cloudlet_shape::Target) -> ::cloudlet_shape::Read<Self> {
                ::cloudlet_shape::read_struct(reader)
            }
        }
        impl ::cloudlet_shape::Value for #ty {
            fn write(&self, writer: &mut dyn ::cloudlet_shape::Writer, _: &'static ::cloudlet_shape::Target) { writer.structure(self) }
        }
        impl ::core::fmt::Debug for #ty {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result { ::cloudlet_shape::debug(self, f) }
        }
    })
}

/// The `shape` attributes of a field.
#[derive(Default)]
struct Attributes {
    name: Option<String>,
    wire: Option<String>,
    query: Option<String>,
    of: Option<Path>,
    at: Option<proc_macro2::Ident>,
    flags: Tokens,
}

impl Attributes {
    fn of(field: &syn::Field) -> Result<Attributes, Error> {
        let mut attributes = Attributes::default();
        for attribute in field.attrs.iter().filter(|a| a.path().is_ident("shape")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    attributes.name = Some(text(&meta)?);
                } else if meta.path.is_ident("wire") {
                    attributes.wire = Some(text(&meta)?);
                } else if meta.path.is_ident("query") {
                    attributes.query = Some(text(&meta)?);
                } else if meta.path.is_ident("of") {
                    attributes.of = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("at") {
                    let at: syn::Ident = meta.value()?.parse()?;
                    attributes.at = Some(format_ident!("{}", pascal(&at.to_string())));
                } else {
                    let flag = flag(&meta)?;
                    attributes.flags.extend(quote!(.and(::cloudlet_shape::Flags::#flag)));
                }
                Ok(())
            })?;
        }
        Ok(attributes)
    }
}

fn text(meta: &ParseNestedMeta<'_>) -> Result<String, Error> {
    Ok(meta.value()?.parse::<LitStr>()?.value())
}

fn flag(meta: &ParseNestedMeta<'_>) -> Result<proc_macro2::Ident, Error> {
    let known = [
        ("union", "UNION"),
        ("event", "EVENT"),
        ("required", "REQUIRED"),
        ("flattened", "FLATTENED"),
        ("attribute", "XML_ATTRIBUTE"),
        ("payload", "PAYLOAD"),
        ("sensitive", "SENSITIVE"),
        ("token", "IDEMPOTENCY_TOKEN"),
        ("host", "HOST_LABEL"),
        ("json", "JSON_VALUE"),
        ("event_header", "EVENT_HEADER"),
        ("event_payload", "EVENT_PAYLOAD"),
        ("length", "REQUIRES_LENGTH"),
    ];
    let name = known.iter().find(|(known, _)| meta.path.is_ident(known)).map(|(_, name)| *name);
    name.map(|name| format_ident!("{name}")).ok_or_else(|| meta.error("no such shape attribute"))
}

fn is_option(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|s| s.ident == "Option"))
}

/// `queue_url` is `QueueUrl` in most models; where it is not, the field has a `name`.
fn pascal(field: &str) -> String {
    let mut out = String::new();
    for word in field.trim_start_matches("r#").split('_') {
        let mut rest = word.chars();
        out.extend(rest.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(rest.as_str());
    }
    out
}
