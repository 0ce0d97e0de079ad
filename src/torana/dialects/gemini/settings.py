"""How Gemini is to answer: its ``generationConfig``, its tools, and which of them it may use.

Source: google-genai 3.4.0, Google's references; effort as Google's own endpoint in OpenAI's dialect translates it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torana.core.errors import InvalidRequest
from torana.dialects.gemini.place import REASONING_LEVELS_FROM, generation, named
from torana.dialects.gemini.schemas import cleaned
from torana.dialects.ways import At
from torana.families.language.words import Conversation, Sampling, Shape, Thinking, Tool

_LEVELS = {
    "none": "MINIMAL", "minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM", "high": "HIGH", "xhigh": "HIGH",
    "max": "HIGH",
}  # fmt: skip
_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 24_576, "max": 24_576}
_MOST_BUDGET, _MOST_BUDGET_PRO, _LEAST_BUDGET_PRO = 24_576, 32_768, 128
_BESIDE = frozenset({"cachedContent", "serviceTier", "store"})
"""Fields of the operator's that are no part of ``generationConfig``."""
_THINKING = frozenset({"thinkingBudget", "thinkingLevel", "includeThoughts"})

_Json = dict[str, object]


def answering_tool(conversation: Conversation) -> str | None:
    """The name of the tool by which a model answers that cannot have tools and a shape at once.

    None where no tools of the client's are in the way.
    """
    shape, choice = conversation.shape, conversation.choice.mode
    if shape is None or shape.schema is None or not conversation.tools or choice != "auto":
        return None
    name, taken = f"{shape.name}_answer", {tool.name for tool in conversation.tools}
    while name in taken:
        name += "_"
    return name


@dataclass(slots=True)
class Settings:
    """Writes what a conversation asks for beside its words."""

    at: At
    emulated: dict[str, None] = field(default_factory=dict)
    ignored: dict[str, None] = field(default_factory=dict)

    def write(self, conversation: Conversation) -> _Json:
        """The members of the request; InvalidRequest for what Gemini has no words for."""
        config = self._sampling(conversation.sampling)
        written: _Json = {}
        tools, shape = conversation.tools, conversation.shape
        if shape is not None and conversation.choice.mode == "none":
            tools = ()
        if tools:
            written |= self._tools(conversation)
        if shape is not None and self._is_shaped(conversation):
            config |= _shape(shape)
        thinking = self._thinking(conversation.thinking) if conversation.thinking else {}
        if conversation.user:
            self.ignored["user"] = None
        for name, value in self.at.parameters.items():
            (thinking if name in _THINKING else written if name in _BESIDE else config)[name] = value
        if thinking:
            config["thinkingConfig"] = thinking
        return written | ({"generationConfig": config} if config else {})

    def _sampling(self, sampling: Sampling) -> _Json:
        if sampling.logit_bias:
            raise InvalidRequest(
                "'logit_bias' is not supported by this model.", param="logit_bias", code="unsupported_parameter"
            )
        told: _Json = {
            "maxOutputTokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "topP": sampling.top_p,
            "topK": sampling.top_k,
            "stopSequences": list(sampling.stop) or None,
            "seed": sampling.seed,
            "presencePenalty": sampling.presence_penalty,
            "frequencyPenalty": sampling.frequency_penalty,
            "candidateCount": sampling.n if sampling.n > 1 else None,
            "responseLogprobs": None if sampling.logprobs is None else True,
            "logprobs": sampling.logprobs or None,
        }
        return {name: value for name, value in told.items() if value is not None}

    def _tools(self, conversation: Conversation) -> _Json:
        choice = conversation.choice
        declared = [_declaration(tool) for tool in conversation.tools]
        config: _Json = {}
        match choice.mode:
            case "none":
                config = {"mode": "NONE"}
            case "any":
                config = {"mode": "ANY"}
            case "one":
                config = {"mode": "ANY", "allowedFunctionNames": [choice.name]}
            case "auto" if conversation.shape is not None and not self._is_shaped(conversation):
                declared.append(self._answering(conversation, conversation.shape))
                config = {"mode": "ANY"}
            case _:
                pass
        if choice.parallel is False and choice.mode != "none":
            self.emulated["parallel_tool_calls"] = None
        if any(tool.strict for tool in conversation.tools):
            self.ignored["tools.strict"] = None
        if any(tool.cached is not None for tool in conversation.tools):
            self.ignored["tools.cache_control"] = None
        written: _Json = {"tools": [{"functionDeclarations": declared}]}
        return written | ({"toolConfig": {"functionCallingConfig": config}} if config else {})

    def _is_shaped(self, conversation: Conversation) -> bool:
        """Whether the model can be asked for a shape as it is: older ones cannot while they have tools."""
        if not conversation.tools or conversation.choice.mode == "none":
            return True
        # One that must call a tool says nothing that could have a shape.
        return conversation.choice.mode == "auto" and generation(self.at.model) >= REASONING_LEVELS_FROM

    def _answering(self, conversation: Conversation, shape: Shape) -> _Json:
        name = answering_tool(conversation)
        if shape.schema is None or name is None:
            raise InvalidRequest(
                "This model cannot answer in JSON while it has tools, unless a schema says which.",
                param=named(self.at, "response_format"),
                code="unsupported_value",
            )
        self.emulated["structured_output"] = None
        told = "Gives the answer to the user. Call it when no other tool is needed any more."
        return _declaration(Tool(name, f"{told} {shape.description or ''}".strip(), shape.schema))

    def _thinking(self, wanted: Thinking) -> _Json:
        pro, effort = "-pro" in self.at.model, wanted.effort
        if effort is not None and effort not in _LEVELS:
            raise InvalidRequest(
                f"This model does not know the effort '{effort[:40]}'.",
                param=named(self.at, "reasoning_effort"),
                code="unsupported_value",
            )
        told: _Json = {} if wanted.shown is None else {"includeThoughts": wanted.shown}
        if generation(self.at.model) >= REASONING_LEVELS_FROM:
            if effort is not None:
                told["thinkingLevel"] = self._level(effort, pro=pro)
            elif wanted.budget is not None:
                told["thinkingBudget"] = wanted.budget
            return told
        budget = wanted.budget if wanted.budget is not None else _BUDGETS.get(effort or "")
        if budget is not None:
            told["thinkingBudget"] = self._within(budget, pro=pro)
        return told

    def _level(self, effort: str, *, pro: bool) -> str:
        level = _LEVELS[effort]
        # The large models think a little, always.
        level = "LOW" if pro and level == "MINIMAL" else level
        if level.lower() != effort:
            self.emulated["reasoning"] = None
        return level

    def _within(self, budget: int, *, pro: bool) -> int:
        taken = min(budget, _MOST_BUDGET_PRO if pro else _MOST_BUDGET)
        taken = max(taken, _LEAST_BUDGET_PRO) if pro else taken
        if taken != budget:
            self.emulated["reasoning"] = None
        return taken


def _shape(shape: Shape) -> Mapping[str, object]:
    told: _Json = {"responseMimeType": "application/json"}
    return told if shape.schema is None else told | {"responseJsonSchema": cleaned(shape.schema)}


def _declaration(tool: Tool) -> _Json:
    told: _Json = {"name": tool.name}
    if tool.description:
        told["description"] = tool.description
    # It refuses a schema of an object without members; none says the same.
    if tool.schema.get("properties") or set(tool.schema) - {"type", "properties", "required", "additionalProperties"}:
        told["parametersJsonSchema"] = cleaned(tool.schema)
    return told
