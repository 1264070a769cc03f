"""A chat on two pools of replicas, those that read prompts and those that write answers: several tests ask about it."""

BASE = """
version: 1
model: llama-3.3-70b
gpu: h100-sxm
serving:
  disaggregated: true
  tensor_parallel: 4
  pipeline_parallel: 1
  prefill: {tensor_parallel: 2, pipeline_parallel: 1}
workload: {qps: 40, prompt_tokens: 2048, answer_tokens: 300}
reasoning: {strategy: direct}
"""
