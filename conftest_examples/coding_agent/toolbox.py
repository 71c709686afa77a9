"""What the model may ask for, as JSON schemas. A repair needs three of these."""

from typing import Any


def tool(name: str, description: str, *parameters: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {parameter: {"type": "string"} for parameter in parameters},
        "required": list(parameters),
    }
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


REPAIR = [
    tool("read_file", "Read a file of the project.", "path"),
    tool("edit_file", "Replace a text, which must be in the file once.", "path", "old", "new"),
    tool("run_tests", "Run the project's tests and tell which fail.", "path"),
]
OTHERS = [
    tool("search_web", "Search the web for documentation, and return the ten best pages with a summary.", "query"),
    tool("open_page", "Open a page in a headless browser and return its text and its links.", "url", "selector"),
    tool("query_database", "Run a statement on the staging database, read-only.", "statement", "database"),
    tool("open_ticket", "Open a ticket in the tracker for something that is out of scope.", "title", "text", "team"),
    tool("send_message", "Tell the team something in its channel; use sparingly.", "channel", "text"),
    tool("deploy", "Deploy a branch to an environment, after its tests have passed.", "branch", "environment"),
]
