//! Reading: which modules there are, and which names each of them uses.
//!
//! Starts at `lib.rs` and the binaries and follows the `mod` declarations, as the compiler does. What is compiled for tests
//! only is marked or left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path as FilePath;

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

/// Segments of a path. A leading `::` is a segment of its own.
pub type Path = Vec<String>;

/// The parsed crate.
#[derive(Debug, Default)]
pub struct Crate {
    /// By path from the crate's root, which is the empty one; `main.rs` is `main`.
    pub modules: BTreeMap<Path, Module>,
    /// Faults of the files themselves: file and what is wrong.
    pub faults: Vec<(String, String)>,
}

/// One module.
#[derive(Debug, Default)]
pub struct Module {
    /// From the top of the repository.
    pub file: String,
    /// Whether it is compiled for tests only.
    pub tests: bool,
    /// Modules declared in it.
    pub children: BTreeSet<String>,
    /// Items defined in it.
    pub items: BTreeSet<String>,
    /// What `use`, `extern crate` and `type` say that a name means.
    pub aliases: BTreeMap<String, Vec<Path>>,
    /// `use path::*`
    pub globs: Vec<Path>,
    /// What is to be judged.
    pub seen: Vec<(usize, Seen)>,
}

/// Something that a rule may be about.
#[derive(Debug, Clone)]
pub enum Seen {
    /// A path in a `use` or `extern crate`.
    Import(Path),
    /// A path anywhere else.
    Path(Path),
    /// A literal of this struct.
    Build(Path),
    /// A method call: its name and the function around it.
    Method { name: String, arguments: usize, within: String },
    /// `async` or `.await`.
    Async,
}

impl Crate {
    /// Parses `sources`: text by file name.
    pub fn parse(sources: &BTreeMap<String, String>) -> Self {
        let mut krate = Self::default();
        let mut read = BTreeSet::new();
        let mut waiting = vec![(Path::new(), false)];
        let binaries = ["main", "bootstrap"].into_iter().filter(|name| sources.contains_key(&format!("src/{name}.rs")));
        waiting.extend(binaries.map(|name| (vec![name.to_owned()], false)));
        while let Some((at, tests)) = waiting.pop() {
            let Some((file, source)) = candidates(&at).into_iter().find_map(|file| sources.get_key_value(&file)) else {
                krate.faults.push((at.join("::"), "is declared, but there is no such file".to_owned()));
                continue;
            };
            read.insert(file.clone());
            match syn::parse_file(source) {
                Ok(syntax) => {
                    let tests = tests || for_tests(&syntax.attrs);
                    let mut reader = Reader::new(&mut krate, file, at, tests);
                    reader.visit_file(&syntax);
                    waiting.append(&mut reader.declared);
                }
                Err(error) => krate.faults.push((file.clone(), format!("does not parse: {error}"))),
            }
        }
        for file in sources.keys().filter(|file| !read.contains(*file)) {
            krate.faults.push((file.clone(), "is no module: nothing declares it".to_owned()));
        }
        krate
    }
}

/// Files in which the module may be.
fn candidates(at: &[String]) -> Vec<String> {
    if at.is_empty() {
        return vec!["src/lib.rs".to_owned()];
    }
    let stem = at.join("/");
    vec![format!("src/{stem}.rs"), format!("src/{stem}/mod.rs")]
}

/// The visitor of one file.
struct Reader<'k> {
    krate: &'k mut Crate,
    file: String,
    at: Path,
    tests: bool,
    within: String,
    declared: Vec<(Path, bool)>,
}

impl<'k> Reader<'k> {
    fn new(krate: &'k mut Crate, file: &str, at: Path, tests: bool) -> Self {
        let mut reader = Self { krate, file: file.to_owned(), at, tests, within: String::new(), declared: Vec::new() };
        let (file, tests) = (reader.file.clone(), reader.tests);
        let module = reader.module();
        module.file = file;
        module.tests = tests;
        reader
    }

    fn module(&mut self) -> &mut Module {
        self.krate.modules.entry(self.at.clone()).or_default()
    }

    fn saw(&mut self, span: Span, seen: Seen) {
        self.module().seen.push((span.start().line, seen));
    }

    fn import(&mut self, span: Span, tree: &UseTree, mut path: Path) {
        let (name, path) = match tree {
            UseTree::Path(next) => {
                path.push(next.ident.to_string());
                return self.import(span, &next.tree, path);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|one| self.import(span, one, path.clone()));
            }
            UseTree::Glob(_) => {
                self.module().globs.push(path.clone());
                return self.saw(span, Seen::Import(path));
            }
            UseTree::Rename(one) if one.ident == "self" => (one.rename.to_string(), path),
            UseTree::Name(one) if one.ident == "self" => (path.last().cloned().unwrap_or_default(), path),
            UseTree::Rename(one) => (one.rename.to_string(), [path, vec![one.ident.to_string()]].concat()),
            UseTree::Name(one) => (one.ident.to_string(), [path, vec![one.ident.to_string()]].concat()),
        };
        self.module().aliases.entry(name).or_default().push(path.clone());
        self.saw(span, Seen::Import(path));
    }

    fn declare(&mut self, item: &syn::ItemMod) {
        let name = item.ident.to_string();
        self.module().children.insert(name.clone());
        let path = [self.at.clone(), vec![name]].concat();
        let tests = self.tests || for_tests(&item.attrs);
        if item.attrs.iter().any(|attribute| attribute.path().is_ident("path")) {
            let fault = format!("`#[path]` hides where `{}` is", item.ident);
            self.krate.faults.push((self.file.clone(), fault));
        }
        let Some((_, items)) = &item.content else {
            self.declared.push((path, tests));
            return;
        };
        let file = self.file.clone();
        let mut inner = Reader::new(self.krate, &file, path, tests);
        for item in items {
            inner.visit_item(item);
        }
        let declared = std::mem::take(&mut inner.declared);
        self.declared.extend(declared);
    }

    /// Paths in the arguments of macros and attributes, which are not parsed.
    fn scan(&mut self, tokens: TokenStream, prefix: &Path) {
        let mut path = Path::new();
        let mut start = Span::call_site();
        // Whether the last two tokens were `::`.
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.flush(start, prefix, &mut path);
                        start = ident.span();
                    }
                    if ident == "await" || ident == "async" {
                        self.saw(ident.span(), Seen::Async);
                    }
                    path.push(ident.to_string());
                }
                TokenTree::Group(group) => {
                    let grouped = colons == 2 && group.delimiter() == Delimiter::Brace;
                    let inner = if grouped { [prefix.clone(), path.clone()].concat() } else { Path::new() };
                    self.flush(start, prefix, &mut path);
                    self.scan(group.stream(), &inner);
                }
                TokenTree::Literal(literal) => {
                    self.flush(start, prefix, &mut path);
                    self.scan_literal(&literal);
                }
                TokenTree::Punct(_) => self.flush(start, prefix, &mut path),
            }
            colons = 0;
        }
        self.flush(start, prefix, &mut path);
    }

    fn flush(&mut self, start: Span, prefix: &Path, path: &mut Path) {
        let path = [prefix.clone(), std::mem::take(path)].concat();
        if path.len() > 1 {
            self.saw(start, Seen::Path(path));
        }
    }

    /// `#[serde(with = "crate::words::times")]`
    fn scan_literal(&mut self, literal: &proc_macro2::Literal) {
        let text = literal.to_string();
        if let Ok(path) = syn::parse_str::<syn::Path>(text.trim_matches('"'))
            && path.segments.len() > 1
        {
            self.saw(literal.span(), Seen::Path(segments(&path)));
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let (name, attributes) = about(item);
        if let Item::Mod(module) = item {
            return self.declare(module);
        }
        if for_tests(attributes) {
            return;
        }
        if let Some(name) = name {
            self.module().items.insert(name.to_string());
        }
        visit::visit_item(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let start = if item.leading_colon.is_some() { vec!["::".to_owned()] } else { Path::new() };
        self.import(item.use_token.span, &item.tree, start);
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        let name = item.rename.as_ref().map_or(&item.ident, |(_, name)| name).to_string();
        let path = vec![item.ident.to_string()];
        self.module().aliases.entry(name).or_default().push(path.clone());
        self.saw(item.ident.span(), Seen::Import(path));
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        if let syn::Type::Path(meant) = &*item.ty {
            let meant = segments(&meant.path);
            self.module().aliases.entry(item.ident.to_string()).or_default().push(meant);
        }
        visit::visit_item_type(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.within = signature.ident.to_string();
        if let Some(asynchronous) = signature.asyncness {
            self.saw(asynchronous.span, Seen::Async);
        }
        visit::visit_signature(self, signature);
    }

    fn visit_expr_async(&mut self, block: &'ast syn::ExprAsync) {
        self.saw(block.async_token.span, Seen::Async);
        visit::visit_expr_async(self, block);
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        if let Some(asynchronous) = closure.asyncness {
            self.saw(asynchronous.span, Seen::Async);
        }
        visit::visit_expr_closure(self, closure);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let (name, within) = (call.method.to_string(), self.within.clone());
        self.saw(call.method.span(), Seen::Method { name, arguments: call.args.len(), within });
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_struct(&mut self, literal: &'ast syn::ExprStruct) {
        if let Some(first) = literal.path.segments.first() {
            self.saw(first.ident.span(), Seen::Build(segments(&literal.path)));
        }
        visit::visit_expr_struct(self, literal);
    }

    fn visit_expr_path(&mut self, expression: &'ast syn::ExprPath) {
        // `<Instant>::now`
        if let Some(syn::QSelf { ty, .. }) = &expression.qself
            && let syn::Type::Path(of) = &**ty
            && let Some(first) = of.path.segments.first()
        {
            let mut path = segments(&of.path);
            path.extend(segments(&expression.path).into_iter().filter(|segment| segment != "::"));
            self.saw(first.ident.span(), Seen::Path(path));
        }
        visit::visit_expr_path(self, expression);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1
            && let Some(first) = path.segments.first()
        {
            self.saw(first.ident.span(), Seen::Path(segments(path)));
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if call.path.is_ident("include") {
            self.krate.faults.push((self.file.clone(), "`include!` hides code from this test".to_owned()));
        }
        visit::visit_macro(self, call);
    }

    fn visit_token_stream(&mut self, tokens: &'ast TokenStream) {
        self.scan(tokens.clone(), &Path::new());
    }
}

fn segments(path: &syn::Path) -> Path {
    let start = path.leading_colon.map(|_| "::".to_owned());
    start.into_iter().chain(path.segments.iter().map(|segment| segment.ident.to_string())).collect()
}

/// Whether what has these attributes is compiled for tests only: `#[cfg(test)]`, `#[cfg(all(test, …))]`, `#[test]`.
fn for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let mut test = attribute.path().is_ident("test");
        if attribute.path().is_ident("cfg") {
            // What does not parse as nested paths, such as `feature = "x"`, is no `test`.
            let _ = attribute.parse_nested_meta(|meta| {
                test |= meta.path.is_ident("test");
                if meta.path.is_ident("all") {
                    meta.parse_nested_meta(|inner| {
                        test |= inner.path.is_ident("test");
                        Ok(())
                    })?;
                }
                Ok(())
            });
        }
        test
    })
}

fn about(item: &Item) -> (Option<&syn::Ident>, &[Attribute]) {
    match item {
        Item::Const(item) => (Some(&item.ident), &item.attrs),
        Item::Enum(item) => (Some(&item.ident), &item.attrs),
        Item::ExternCrate(item) => (None, &item.attrs),
        Item::Fn(item) => (Some(&item.sig.ident), &item.attrs),
        Item::Impl(item) => (None, &item.attrs),
        Item::Macro(item) => (item.ident.as_ref(), &item.attrs),
        Item::Mod(item) => (None, &item.attrs),
        Item::Static(item) => (Some(&item.ident), &item.attrs),
        Item::Struct(item) => (Some(&item.ident), &item.attrs),
        Item::Trait(item) => (Some(&item.ident), &item.attrs),
        Item::Type(item) => (None, &item.attrs),
        Item::Union(item) => (Some(&item.ident), &item.attrs),
        Item::Use(item) => (None, &item.attrs),
        _ => (None, &[]),
    }
}

/// The text of every Rust file under `directory`, by its name from `root`.
pub fn read(root: &FilePath, directory: &str) -> BTreeMap<String, String> {
    let files = super::files(root, directory).into_iter().filter(|file| file.ends_with(".rs"));
    files.map(|file| (file.clone(), std::fs::read_to_string(root.join(&file)).expect("a source file"))).collect()
}
