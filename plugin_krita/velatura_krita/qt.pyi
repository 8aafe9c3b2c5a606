# PyQt has no types here: whatever the toolkit exports is Any.
from typing import Any

BINDING: str

def find_binding() -> str: ...
def __getattr__(name: str) -> Any: ...
