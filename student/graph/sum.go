package graph

// Sum is y = Σᵢ xᵢ; every dxᵢ = dy.
func init() { registerVariadic("Sum", variadicOp{fold: addRows}) }
