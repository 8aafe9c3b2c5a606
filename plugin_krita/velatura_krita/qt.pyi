# PyQt has no types here: whatever the toolkit exports is Any.
from typing import Any

def __getattr__(name: str) -> Any: ...
