"""SEE the program itself: what blocks its event loop, what it waits for, opens, starts and imports."""
