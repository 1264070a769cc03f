"""The policies on thinking, a module each, named as the keys of `reasoning.policies`; `effects.effects` finds them."""
