//! The example with one program for three models.

#[allow(dead_code, reason = "its own `main` prints")]
#[path = "../../examples/any_model.rs"]
mod example;

#[tokio::test]
async fn the_same_program_gets_its_answer_from_each_client() {
    let said = example::greetings().await.unwrap();
    let expected = |model| (model, "Hello! I am a scripted model.".to_owned());
    assert_eq!(said, ["Claude", "OpenAI", "a compatible server"].map(expected));
}
