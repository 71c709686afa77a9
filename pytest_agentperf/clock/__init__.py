"""TIME: threads and event loops on virtual time. Read `kernel` first, then `bubble`; the other modules are seams.

This room knows nothing of LLMs or pytest.
"""
