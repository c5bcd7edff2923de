"""Small reference networks and adapters to kept libraries.

Every network is a `Network`: a deterministic `trunk` (input → features) and a `head` (features → outputs) whose
stochastic layers are `torch.nn.Dropout`s. That split is what makes 20 posterior samples cost one pass.
"""
