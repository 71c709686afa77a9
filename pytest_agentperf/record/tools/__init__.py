"""Who runs the agent's tools, when and for how long: sources of tool spans, and how their reports become one."""
