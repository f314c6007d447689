//! What is made of a function, and what is said of one that can't be a tool, and where.

use proc_macro2::TokenStream;

use crate::expand::expand;

/// The code that is made, with one space between its parts.
fn made(options: &str, function: &str) -> String {
    let [options, function] = [options, function].map(|code| code.parse::<TokenStream>().unwrap());
    expand(options, function).to_string()
}

/// The error, and the code that it points at.
fn check(options: &str, function: &str, expected: &str, at: &str) {
    let made = made(options, function);
    assert!(made.contains(&format!("{expected:?}")), "{made}");
    let [parsed, item] = [options, function].map(|code| code.parse::<TokenStream>().unwrap());
    let spanned = expand(parsed, item).into_iter().find(|token| token.to_string().contains("compile_error"));
    let found = spanned.map(|token| token.span().source_text()).unwrap_or_default();
    assert_eq!(found.as_deref(), Some(at), "{expected}");
}

#[test]
fn the_function_stays_and_a_function_makes_the_tool() {
    let made = made(
        "read_only, timeout = \"5s\"",
        "/// The weather.\n/// In a city.\npub async fn weather(\n/// Its name.\ncity: String, context: Context) -> String { city }",
    );
    insta::assert_snapshot!(made, @r#"# [doc = " The weather."] # [doc = " In a city."] pub async fn weather (city : String , context : Context) -> String { city } # [doc = "Makes the tool `weather` from [`weather`]."] pub fn weather_tool () -> :: agent_tools :: FnTool { # [derive (:: agent_tools :: __private :: serde :: Deserialize , :: agent_tools :: __private :: schemars :: JsonSchema)] # [serde (crate = "::agent_tools::__private::serde")] # [schemars (crate = "::agent_tools::__private::schemars")] struct __Input { # [doc = " Its name."] city : String , } :: agent_tools :: FnTool :: new ("weather" , "The weather.\nIn a city." , move | __input : __Input , __context : Context | async move { weather (__input . city , :: core :: clone :: Clone :: clone (& __context)) . await }) . read_only () . timeout (:: core :: time :: Duration :: from_millis (5000u64)) }"#);
}

#[test]
fn state_is_given_when_the_tool_is_made() {
    let made = made(
        "name = \"look-up\"",
        "/// Looks it up.\nfn look_up(#[state] db: Db, #[state] user: User) -> u32 { 1 }",
    );
    insta::assert_snapshot!(made, @r#"# [doc = " Looks it up."] fn look_up (db : Db , user : User) -> u32 { 1 } # [doc = "Makes the tool `look-up` from [`look_up`]."] fn look_up_tool (db : Db , user : User) -> :: agent_tools :: FnTool { :: agent_tools :: FnTool :: with_state ("look-up" , "Looks it up." , (db , user ,) , move | (db , user ,) : (Db , User ,) , _ : () | look_up (db , user)) }"#);
}

#[test]
fn values_of_the_run_are_needs_and_are_read_in_the_call() {
    let made = made("", "/// F.\nasync fn f(#[run] db: &Db, name: String, #[run] user: User) -> u32 { 1 }");
    insta::assert_snapshot!(made, @r#"# [doc = " F."] async fn f (db : & Db , name : String , user : User) -> u32 { 1 } # [doc = "Makes the tool `f` from [`f`]."] fn f_tool () -> :: agent_tools :: FnTool { # [derive (:: agent_tools :: __private :: serde :: Deserialize , :: agent_tools :: __private :: schemars :: JsonSchema)] # [serde (crate = "::agent_tools::__private::serde")] # [schemars (crate = "::agent_tools::__private::schemars")] struct __Input { name : String , } :: agent_tools :: FnTool :: new ("f" , "F." , move | __input : __Input , __context : :: agent_tools :: __private :: Context | async move { { let db = match __context . need :: < Db > () { :: core :: result :: Result :: Ok (__value) => __value , :: core :: result :: Result :: Err (__missing) => return :: agent_tools :: __private :: Outcome :: failed (__missing) , } ; let user = match __context . need :: < User > () { :: core :: result :: Result :: Ok (__value) => { let __clone = :: core :: clone :: Clone :: clone ; __clone (__value) } , :: core :: result :: Result :: Err (__missing) => return :: agent_tools :: __private :: Outcome :: failed (__missing) , } ; let __outcome = :: agent_tools :: IntoOutcome :: into_outcome ; __outcome (f (db , __input . name , user) . await) } }) . needs :: < Db > () . needs :: < User > () }"#);
}

#[test]
fn what_is_wrong_is_said_at_its_place() {
    let fine = "/// F.\nfn f() {}";
    check("", "struct S;", "#[tool] is for functions", "struct");
    check(
        "",
        "fn f() {}",
        "a tool needs a description, which the model reads: write a doc comment (`///`) above the function, or `description = \"…\"`",
        "f",
    );
    check(
        "readonly",
        fine,
        "there is no option `readonly`; the options are: read_only, idempotent, shared, exclusive, instant, blocking, unchecked_limits, needs_approval, timeout = \"5s\", name = \"…\", description = \"…\"",
        "readonly",
    );
    check("read_only, read_only", fine, "`read_only` is there twice: remove one", "read_only");
    for wrong in ["5", "s", "5 days", "0s", "-1s", "99999999999999999999s"] {
        let message = format!(
            "{wrong:?} is no time limit: write a number and a unit, as in \"500ms\", \"5s\", \"2m\" or \"1h\""
        );
        check(&format!("timeout = {wrong:?}"), fine, &message, &format!("{wrong:?}"));
    }
    check(
        "name = \"a b\"",
        fine,
        "\"a b\" can't be a tool's name: take 1 to 64 of the characters a-z, A-Z, 0-9, _ and -",
        "\"a b\"",
    );
    check(
        "",
        "/// F.\nfn f(&self) {}",
        "a tool can't have `self`: make it a function, and mark an argument with `#[state]` for what all calls share",
        "&self",
    );
    check(
        "",
        "/// F.\nfn f((a, b): (u8, u8)) {}",
        "an argument of a tool needs a plain name: it is the name of a field of the input",
        "(a, b)",
    );
    check(
        "",
        "/// F.\nfn f(a: &str) {}",
        "the input of a tool is made from JSON, so it can't be a reference: take a value, such as `String`",
        "&str",
    );
    check(
        "",
        "/// F.\nfn f<T>(a: T) {}",
        "a tool can't have generic parameters: its input has one schema, so name the types",
        "<T>",
    );
    check(
        "",
        "/// F.\nfn f(#[run] db: &mut Db) {}",
        "all calls of a run share its values, so none can have one for itself: take `&T`, with a `Mutex` or an atomic in it",
        "&mut Db",
    );
    for optional in ["Option<Db>", "&Option<Db>"] {
        check(
            "",
            &format!("/// F.\nfn f(#[run] db: {optional}) {{}}"),
            "a tool with `#[run]` needs the value: for one that may be missing, take a `Context` and call `context.get::<T>()`",
            optional,
        );
    }
    check(
        "",
        "/// F.\nfn f(#[run] #[state] db: Db) {}",
        "an argument is of the tool (`#[state]`) or of the run (`#[run]`): remove one of the two",
        "#[run]",
    );
    check("", "/// F.\nunsafe fn f() {}", "a model calls the tool, so it can't be unsafe", "unsafe");
}

#[test]
fn a_wrong_function_still_compiles_by_itself() {
    let made = made("no_such_option", "/// F.\nfn f(/** The name. */ #[serde(default)] name: String) {}");
    assert!(
        made.starts_with("# [doc = \" F.\"] fn f (name : String) { }")
            || made.starts_with("# [doc = r\" F.\"] fn f (name : String) { }"),
        "{made}"
    );
}
